import type { CommandContext } from "./verb.ts";

const BAR = 24;

/**
 * Shows how far a long command is, with the time left: a bar that is drawn again on a terminal, a line at the begin of
 * each step elsewhere. To standard error, so that what is printed can be piped on.
 */
export class Progress {
  readonly #context: Pick<CommandContext, "err" | "isTty">;
  readonly #write: (text: string) => void;
  #step = "";
  #begunMs = 0;

  constructor(
    context: Pick<CommandContext, "err" | "isTty">,
    write: (text: string) => void = (t) => process.stderr.write(t),
  ) {
    this.#context = context;
    this.#write = write;
  }

  /** `of` is 0 where the end is not known. */
  show(step: string, done: number, of: number): void {
    const isNew = step !== this.#step;
    if (isNew) this.#begunMs = performance.now();
    this.#step = step;
    if (!this.#context.isTty) {
      if (isNew) this.#context.err(step);
      return;
    }
    const left =
      done > 0 && of > done ? timeLeft(((performance.now() - this.#begunMs) / done) * (of - done)) : "";
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
