import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { boundCommand } from "../../runtime/base/bound-command.ts";

export interface ChildOptions {
  command: string;
  args: readonly string[];
  /** The child's descriptor that frames are written to. */
  framesTo: 1 | 3;
  /** From SIGTERM to SIGKILL. */
  graceMs: number;
  /** Lines that say nothing to people. */
  noise?: RegExp | undefined;
}

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const KILL_LIMIT_MS = 2_000;
const LINES_MAX = 50;
const LINE_LENGTH_MAX = 500;

/** A process that writes frames, in a group of its own so that it ends with all that it has started. */
export class CameraChild {
  /** What it said last, oldest first. */
  readonly lines: string[] = [];
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcess;
  readonly #options: ChildOptions;
  #isOver = false;
  #killer: NodeJS.Timeout | undefined;

  /** `frames` is an open descriptor; the caller closes its own afterwards. */
  private constructor(child: ChildProcess, options: ChildOptions, onLine: (line: string) => void) {
    this.#child = child;
    this.#options = options;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) eachLine(stream, (line) => this.#keep(line, onLine));
    }
    const exited = new Promise<ChildEnd>((resolve) => {
      child.once("error", (error) => {
        this.#isOver = true;
        this.#keep(error.message, onLine);
        resolve({ code: 127, signal: null });
      });
      child.once("exit", (code, signal) => {
        // What it started may still be there, and hold the other end of the pipe.
        this.#signal("SIGKILL");
        this.#isOver = true;
        clearTimeout(this.#killer);
        // Its last lines are still under way, unless something that we cannot end keeps their pipe open.
        child.once("close", () => resolve({ code, signal }));
        setTimeout(() => resolve({ code, signal }), options.graceMs).unref();
      });
    });
    this.ended = exited;
  }

  static spawn(
    options: ChildOptions,
    frames: number,
    onLine: (line: string) => void = () => {},
  ): CameraChild {
    const { args, command, framesTo } = options;
    const stdio = framesTo === 1 ? ["ignore", frames, "pipe"] : ["ignore", "pipe", "pipe", frames];
    const child = spawn(...boundCommand(command, args), {
      detached: true,
      stdio: stdio as ("ignore" | "pipe" | number)[],
    });
    return new CameraChild(child, options, onLine);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Asks it to end, and ends it when it does not. May be called twice. Undefined when even that does not help, as with
   * a process that waits in a driver.
   */
  async stop(): Promise<ChildEnd | undefined> {
    if (this.#isOver) return this.ended;
    this.#signal("SIGTERM");
    this.#killer ??= setTimeout(() => this.#signal("SIGKILL"), this.#options.graceMs);
    const limitMs = this.#options.graceMs + KILL_LIMIT_MS;
    return Promise.race([this.ended, sleep(limitMs, undefined, { ref: false })]);
  }

  /** At once, for when there is no time left. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  /** To the whole group; never after the child's end, when its number may be somebody else's. */
  #signal(signal: NodeJS.Signals): void {
    if (this.#isOver || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Nobody is left in it.
    }
  }

  #keep(line: string, onLine: (line: string) => void): void {
    onLine(line);
    if (line.trim() === "" || this.#options.noise?.test(line)) return;
    this.lines.push(withoutCredentials(line.slice(0, LINE_LENGTH_MAX)));
    if (this.lines.length > LINES_MAX) this.lines.shift();
  }
}

/** Lines as they come; one without an end is cut, so that it cannot grow for ever. */
function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split(/\r\n|[\r\n]/);
    rest = (lines.pop() ?? "").slice(-LINES_MAX * LINE_LENGTH_MAX);
    for (const line of lines) onLine(line);
  });
  stream.on("end", () => onLine(rest));
}

/** Of addresses: what a child says goes to the log and to MQTT. */
const withoutCredentials = (line: string): string => line.replaceAll(/\/\/[^/@\s]*@/g, "//•••@");
