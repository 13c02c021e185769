import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../runtime/base/clock.ts";
import { type ErrorCode, SightlineError } from "../../runtime/base/errors.ts";
import { CameraChild, type ChildEnd } from "./child.ts";
import { openFifo } from "./fifo.ts";
import type { FrameReader } from "./frame-reader.ts";
import { installHint } from "./gst.ts";
import type { Launch } from "./launch.ts";
import type { RunEnd } from "./reader/protocol.ts";
import { StallWatch } from "./stall-watch.ts";

export interface RunOptions {
  /** Of the camera's FIFO. */
  folder: string;
  name: string;
  /** Left out: silence is no fault. */
  stall?: { startMs: number; stallMs: number } | undefined;
  /** From SIGTERM to SIGKILL. */
  graceMs: number;
  frameBytes?: number | undefined;
}

interface Deps {
  clock: Clock;
  reader: FrameReader;
  onLine(line: string): void;
  onStarted(): void;
  /** It is being ended because of this; no frame of it comes any more. */
  onFailing(failure: SightlineError): void;
}

/** How a child ended: by itself and well, or by a failure with what it said last. */
export type RunOutcome = { failure: SightlineError | undefined; lines: readonly string[] };

/** One child, from its start until it and its frames are gone. */
export class ChildRun {
  readonly #deps: Deps;
  readonly #options: RunOptions;
  readonly #stopped = Promise.withResolvers<SightlineError | undefined>();
  #child: CameraChild | undefined;
  #isOver = false;

  constructor(deps: Deps, options: RunOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends it, for `failure` or because it is no more needed; what still comes out of the pipe is not delivered. */
  stop(failure?: SightlineError): void {
    // At once, and not when the promise is looked at: the next frame may be a stale one.
    if (!this.#isOver) this.#deps.reader.abandon();
    if (failure) this.#deps.onFailing(failure);
    this.#stopped.resolve(failure);
  }

  async run(launch: Launch): Promise<RunOutcome> {
    underWay.add(this);
    if (underWay.size === 1) process.on("exit", killAll);
    try {
      return await this.#run(launch);
    } finally {
      underWay.delete(this);
      if (underWay.size === 0) process.off("exit", killAll);
    }
  }

  /** At once, for when the process ends. */
  kill(): void {
    this.#child?.kill();
  }

  async #run(launch: Launch): Promise<RunOutcome> {
    const { clock, onLine, reader } = this.#deps;
    const { folder, frameBytes, graceMs, name, stall } = this.#options;
    let ended: Promise<RunEnd> | undefined;
    const writeEnd = await openFifo(folder, name, async (path) => {
      ({ ended } = await reader.open({ path, framing: launch.framing, frameBytes }));
    });
    let child: CameraChild;
    try {
      child = CameraChild.spawn({ ...launch, graceMs }, writeEnd, onLine);
    } finally {
      closeSync(writeEnd);
    }
    this.#child = child;
    this.#deps.onStarted();
    const watch = stall && new StallWatch(clock, () => reader.frames, stall);
    watch?.start((waitedMs) => this.stop(stalled(waitedMs)));
    const first = await Promise.race([ended, this.#stopped.promise]);
    watch?.stop();
    // Its output is over, so it ends by itself; unless it does not.
    if (isRunEnd(first)) await Promise.race([child.ended, sleep(graceMs, undefined, { ref: false })]);
    const end = await child.stop();
    await ended;
    this.#isOver = true;
    const failure = isRunEnd(first) ? failureOf(first, end, child.lines) : first;
    return { failure, lines: [...child.lines] };
  }
}

/** A thread that blocks in read(2) keeps the process from ending, until its child is gone. */
const underWay = new Set<ChildRun>();
const killAll = (): void => {
  for (const run of underWay) run.kill();
};

const isRunEnd = (value: RunEnd | SightlineError | undefined): value is RunEnd =>
  value !== undefined && !(value instanceof Error);

const stalled = (waitedMs: number): SightlineError =>
  new SightlineError("ERR_CAMERA_STALLED", `no complete frame for ${(waitedMs / 1000).toFixed(1)} s`);

function failureOf(
  end: RunEnd,
  { code, signal }: ChildEnd = { code: null, signal: null },
  lines: readonly string[],
): SightlineError | undefined {
  if (end.kind === "size-changed") return formatError(`frames of ${end.to} bytes instead of ${end.from}`);
  if (end.kind === "failed") return new SightlineError("ERR_CAMERA_SOURCE", end.message);
  if (end.leftOverBytes > 0) {
    const message = `its output ended ${end.leftOverBytes} bytes into a frame`;
    return formatError(`${message}; unless the program was stopped there, the configured size is wrong`);
  }
  if (code === 0) return undefined;
  // What GStreamer says when the size or format changes under a pipeline that asks for one.
  const isRefused = lines.some((line) => /not-negotiated/.test(line));
  const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
  const hint = installHint(lines);
  const type: ErrorCode = isRefused ? "ERR_CAMERA_FORMAT" : "ERR_CAMERA_ENDED";
  return new SightlineError(
    type,
    [`the process ${how}`, errorLine(lines)].filter(Boolean).join(": "),
    hint ? { hint } : {},
  );
}

const formatError = (message: string) => new SightlineError("ERR_CAMERA_FORMAT", message);

/** What most likely tells why; GStreamer has the reason three lines below the error. */
function errorLine(lines: readonly string[]): string | undefined {
  const at = lines.findIndex((line) => /error/i.test(line));
  if (at < 0) return lines.at(-1);
  const reason = /^Additional debug info/.test(lines[at + 1] ?? "") ? lines[at + 3] : undefined;
  return [lines[at], reason].filter((line) => line !== undefined).join(" ");
}
