import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual, promisify } from "node:util";
import type { Clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Frame } from "../../runtime/pipeline/frame.ts";
import { type Caps, capsOfLine } from "./caps.ts";
import { CapsGate } from "./caps-gate.ts";
import { ChildRun } from "./child-run.ts";
import { makeFrame, tornFrame } from "./frame-maker.ts";
import { type FrameRead, FrameReader } from "./frame-reader.ts";
import { rungAfter } from "./ladder.ts";
import type { Launch } from "./launch.ts";
import { lumaOf } from "./layout.ts";
import type { PictureFault, ReaderOptions } from "./reader/protocol.ts";
import type { CameraStatus, SourceListener, SourceStats, SupervisedSource } from "./report.ts";

export interface ChildSourceOptions {
  camera: string;
  /** For its FIFO, while one is being opened. */
  folder: string;
  reader: ReaderOptions;
  /** Left out: silence is no fault. */
  stall?: { startMs: number; stallMs: number } | undefined;
  backoffMs: { min: number; max: number };
  /** From SIGTERM to SIGKILL. */
  graceMs: number;
  recoverCommand?: readonly string[] | undefined;
  /** What a child that ends well means: a camera never does, a file may be played again or not. */
  atEnd: "fail" | "again" | "end";
  /** False: the first failure ends the source. */
  bringBack: boolean;
}

interface Deps {
  clock: Clock;
  /** Made anew for each child. */
  launch(): Launch;
  /** 0 to 1. */
  random?: () => number;
}

const RECOVER_LIMIT_MS = 30_000;
const CAPS_LIMIT_MS = 5_000;
const NOBODY: SourceListener = { onStatus: () => {}, onEvent: () => {}, onStale: () => {} };

/** A child process as a camera: started, read, watched, and brought back whenever it fails. */
export class ChildSource implements SupervisedSource {
  readonly #deps: Deps;
  readonly #options: ChildSourceOptions;
  readonly #reader: FrameReader;
  readonly #queue: Frame[] = [];
  readonly #gate = new CapsGate(CAPS_LIMIT_MS, () => this.#fail(noCaps()));
  readonly #stats = { dropped: 0, torn: 0, stalls: 0, restarts: 0 };
  #listener = NOBODY;
  #status: CameraStatus | undefined;
  #faults: readonly PictureFault[] = [];
  #run: ChildRun | undefined;
  #lastId = 0;
  /** Of the last frame before this child's first. */
  #idBefore = 0;
  #isClosed = false;
  #wake = () => {};

  constructor(deps: Deps, options: ChildSourceOptions) {
    this.#deps = deps;
    this.#options = options;
    const listener = {
      onFrame: (read: FrameRead) => this.#gate.pass(() => this.#take(read)),
      onTorn: (id: number | undefined) => this.#gate.pass(() => this.#takeTorn(id)),
    };
    this.#reader = new FrameReader(listener, options.reader);
  }

  get canWait(): boolean {
    return this.#options.reader.whenFull === "wait";
  }

  get stats(): SourceStats {
    return { ...this.#stats, faults: this.#faults };
  }

  /** Of the child that runs now. */
  get pid(): number | undefined {
    return this.#run?.pid;
  }

  listen(listener: SourceListener): void {
    this.#listener = listener;
  }

  async *frames(signal: AbortSignal): AsyncIterable<Frame> {
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    this.#reader.start();
    let isOver = false;
    const supervision = this.#supervise(either).finally(() => {
      isOver = true;
      this.#wake();
    });
    // Looked at below, once its frames are through.
    supervision.catch(() => {});
    try {
      while (!either.aborted) {
        const frame = this.#queue.shift();
        if (frame) yield frame;
        else if (isOver) break;
        else await this.#changed();
      }
    } finally {
      this.#isClosed = true;
      done.abort();
      this.#discard();
      await supervision.finally(() => this.#reader.stop());
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    const stop = () => {
      this.#run?.stop();
      this.#wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#say("starting");
    let failures = 0;
    for (let runs = 0; !signal.aborted; runs++) {
      if (runs > 0) this.#stats.restarts++;
      const before = this.#reader.frames;
      const { failure, lines } = await this.#runChild();
      const delivered = this.#reader.frames > before;
      if (signal.aborted) break;
      if (!failure && this.#options.atEnd === "end") break;
      if (!failure && this.#options.atEnd === "again" && delivered) continue;
      failures = delivered ? 1 : failures + 1;
      const reason = failure ?? new SightlineError("ERR_CAMERA_ENDED", "the process ended by itself");
      if (!this.#options.bringBack) throw reason;
      await this.#recover(reason, lines, failures, signal);
    }
  }

  async #runChild() {
    const { clock, launch } = this.#deps;
    const { camera, folder, graceMs, stall } = this.#options;
    const launched = launch();
    this.#look(launched.caps);
    this.#gate.reset(launched.caps);
    this.#idBefore = this.#lastId;
    const frameBytes = launched.caps?.encoding === "raw" ? launched.caps.layout.bytes : undefined;
    const run = new ChildRun(
      {
        clock,
        reader: this.#reader,
        onLine: (line) => this.#hear(line),
        // Where silence is no fault there is nothing else to wait for.
        onStarted: () => !stall && this.#say("online"),
        onFailing: (failure) => this.#note(failure),
      },
      { folder, name: `${camera}.${process.pid}`, stall, graceMs, frameBytes },
    );
    this.#run = run;
    try {
      return await run.run(launched);
    } catch (error) {
      return { failure: SightlineError.wrap("ERR_CAMERA_SOURCE", error), lines: [] };
    } finally {
      this.#run = undefined;
    }
  }

  async #recover(
    failure: SightlineError,
    lines: readonly string[],
    failures: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { backoffMs, recoverCommand } = this.#options;
    const ladder = { backoffMs, hasRecoverCommand: recoverCommand !== undefined };
    const { action, pauseMs } = rungAfter(failures, ladder, (this.#deps.random ?? Math.random)());
    if (failure.code !== "ERR_CAMERA_STALLED") this.#say("offline");
    const error = failure.toRecord();
    this.#listener.onEvent({ type: "failure", error, failures, action, pause_ms: pauseMs, lines });
    if (recoverCommand && (action === "recover" || action === "alarm"))
      await this.#runRecover(recoverCommand, signal);
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }

  async #runRecover([command = "", ...args]: readonly string[], signal: AbortSignal): Promise<void> {
    const limits = { timeout: RECOVER_LIMIT_MS, killSignal: "SIGKILL", signal } as const;
    const ended = await promisify(execFile)(command, args, limits).then(
      ({ stderr, stdout }) => ({ ok: true, text: stdout + stderr }),
      (error: Error & { stderr?: string }) => ({ ok: false, text: error.message }),
    );
    const lines = ended.text.trim().split("\n").slice(-50);
    this.#listener.onEvent({ type: "recover_cmd", ok: ended.ok, lines });
  }

  /** A stalled camera's frames, wherever they lie, must not be taken for new ones when it is back. */
  #note(failure: SightlineError): void {
    if (failure.code !== "ERR_CAMERA_STALLED") return;
    this.#stats.stalls++;
    this.#say("stalled");
    this.#stats.dropped += this.#queue.length;
    this.#discard();
    this.#listener.onStale();
  }

  /** A line of the child. Caps that change behind a frame mean frames that nobody can read any more. */
  #hear(line: string): void {
    const caps = capsOfLine(line);
    const { caps: known } = this.#gate;
    if (!caps || isDeepStrictEqual(caps, known)) return;
    if (known && this.#lastId > this.#idBefore)
      this.#fail(new SightlineError("ERR_CAMERA_FORMAT", "the format changed while the camera was running"));
    this.#look(caps);
    this.#gate.set(caps);
  }

  #look(caps: Caps | undefined): void {
    this.#reader.setLuma(caps?.encoding === "raw" ? lumaOf(caps.layout) : undefined);
  }

  #take(read: FrameRead): void {
    if (this.#isClosed || this.#reader.isAbandoned(read.run)) {
      read.pixels?.release();
      return;
    }
    const dropsBefore = read.id - this.#lastId - 1;
    this.#stats.dropped += dropsBefore;
    this.#lastId = read.id;
    this.#noteFaults(read.faults);
    try {
      this.#deliver(makeFrame(this.#options.camera, read, this.#gate.caps, dropsBefore));
    } catch (error) {
      this.#fail(SightlineError.wrap("ERR_CAMERA_FORMAT", error));
    }
  }

  #takeTorn(id: number | undefined): void {
    this.#stats.torn++;
    if (id === undefined) return;
    this.#lastId = id;
    const at = { ns: this.#deps.clock.nowNs(), ms: this.#deps.clock.wallMs() };
    this.#deliver(tornFrame(this.#options.camera, id, at));
  }

  #deliver(frame: Frame): void {
    this.#queue.push(frame);
    this.#say("online");
    this.#wake();
  }

  #noteFaults(faults: readonly PictureFault[]): void {
    if (faults.join() === this.#faults.join()) return;
    this.#faults = faults;
    this.#listener.onEvent({ type: "picture", faults });
  }

  #fail(failure: SightlineError): void {
    this.#run?.stop(failure);
  }

  #discard(): void {
    for (const frame of this.#queue.splice(0)) frame.release();
  }

  #say(status: CameraStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#listener.onStatus(status);
  }
}

const noCaps = () =>
  new SightlineError("ERR_CAMERA_FORMAT", "frames arrived, but GStreamer did not report their format");
