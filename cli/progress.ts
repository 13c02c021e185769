import type { CommandContext } from "./verb.ts";

const BAR = 24;

/**
 * Shows the progress of a long command and the time left: on a terminal as a bar, elsewhere as a line at the start of
 * each step. It goes to standard error, so that standard output can be piped.
 */
export class Progress {
  readonly #context: Pick<CommandContext, "err" | "isTty">;
  readonly #write: (text: string) => void;
  #step = "";
  #startedMs = 0;

  constructor(
    context: Pick<CommandContext, "err" | "isTty">,
    write: (text: string) => void = (t) => process.stderr.write(t),
  ) {
    this.#context = context;
    this.#write = write;
  }

  /** `of` is 0 if the total is not known. */
  show(step: string, done: number, of: number): void {
    const isNew = step !== this.#step;
    if (isNew) this.#startedMs = performance.now();
    this.#step = step;
    if (!this.#context.isTty) {
      if (isNew) this.#context.err(step);
      return;
    }
    const left =
      done > 0 && of > done ? timeLeft(((performance.now() - this.#startedMs) / done) * (of - done)) : "";
    const bar = of > 0 ? ` ${"█".repeat((BAR * done) / of).padEnd(BAR, "░")} ${done}/${of}` : "";
    this.#write(`\r\x1b[K${step}${bar}${left}`);
  }

  /** Clears the bar. */
  end(): void {
    if (this.#context.isTty && this.#step !== "") this.#write("\r\x1b[K");
    this.#step = "";
  }
}

function timeLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return `, ${seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`} left`;
}
