import { Worker } from "node:worker_threads";
import { wakeReader } from "./fifo.ts";
import type { Luma } from "./layout.ts";
import { FetchedBlocks } from "./reader/blocks.ts";
import {
  CONTROL,
  type FrameReport,
  type ReaderOptions,
  type ReaderSetup,
  type ReadOrder,
  type Report,
  type Request,
  type RunEnd,
} from "./reader/protocol.ts";

/** A frame as the thread read it; whoever gets it releases it. */
export interface FrameRead extends FrameReport {
  /** Undefined when there was no room for it. */
  pixels: { bytes: Uint8Array; release: () => void } | undefined;
}

interface Listener {
  onFrame(frame: FrameRead): void;
  /** What was no whole frame; with the id that it took where each part must be answered. */
  onTorn(id: number | undefined): void;
}

interface Run {
  number: number;
  fd: number | undefined;
  opened: PromiseWithResolvers<void>;
  ended: PromiseWithResolvers<RunEnd>;
}

/** The main thread's side of a camera's reader thread, which stays over all of the camera's children. */
export class FrameReader {
  readonly #options: ReaderOptions;
  readonly #listener: Listener;
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * CONTROL.words));
  #worker: Worker | undefined;
  #blocks: FetchedBlocks | undefined;
  #run: Run | undefined;
  #runs = 0;
  #lastId = 0;

  constructor(listener: Listener, options: ReaderOptions) {
    this.#listener = listener;
    this.#options = options;
  }

  start(): void {
    if (this.#worker) return;
    const workerData: ReaderSetup = { ...this.#options, control: this.#control.buffer, lastId: this.#lastId };
    this.#worker = new Worker(new URL("./reader/thread.ts", import.meta.url), { workerData });
    this.#worker.on("message", (report: Report) => this.#take(report));
    this.#worker.on("error", (error) => {
      // The next run gets a new thread.
      this.#worker = undefined;
      this.#end({ kind: "failed", message: String(error) });
    });
  }

  /** Whole frames read so far, as the thread counts them: up to date even when this thread is late. */
  get frames(): number {
    return Atomics.load(this.#control, CONTROL.frames);
  }

  /** Resolves once the thread has `path` open; `ended` then tells how the run went. */
  async open(order: Omit<ReadOrder, "run">): Promise<{ ended: Promise<RunEnd> }> {
    this.start();
    const number = ++this.#runs;
    const run: Run = {
      number,
      fd: undefined,
      opened: Promise.withResolvers(),
      ended: Promise.withResolvers(),
    };
    this.#run = run;
    this.#send({ type: "read", order: { ...order, run: number } });
    await Promise.race([run.opened.promise, run.ended.promise]);
    return { ended: run.ended.promise };
  }

  /** Tells the thread where brightness lies in raw frames; undefined: do not look. */
  setLuma(luma: Luma | undefined): void {
    const { height, offset, step, stride, width } = luma ?? NO_LUMA;
    Atomics.store(this.#control, CONTROL.luma + 4, 0);
    for (const [word, value] of [offset, step, stride, width, height].entries()) {
      Atomics.store(this.#control, CONTROL.luma + word, value);
    }
  }

  /** From now on nothing of this run is delivered, whatever still comes out of the pipe. */
  abandon(): void {
    const run = this.#run;
    if (!run) return;
    Atomics.store(this.#control, CONTROL.abandoned, run.number);
    Atomics.add(this.#control, CONTROL.releases, 1);
    Atomics.notify(this.#control, CONTROL.releases);
    if (run.fd !== undefined) wakeReader(run.fd);
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    this.abandon();
    this.#worker = undefined;
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    worker.postMessage({ type: "close" } satisfies Request);
    await exited;
  }

  #send(request: Request): void {
    this.#worker?.postMessage(request);
  }

  #take(report: Report): void {
    if (report.type === "blocks") {
      const releases = this.#control.subarray(CONTROL.releases, CONTROL.releases + 1);
      this.#blocks = new FetchedBlocks(report.blocks, releases);
    } else if (report.type === "frame") {
      this.#fetch(report);
    } else if (this.#run?.number !== report.run) {
      // Of a run that is over.
    } else if (report.type === "opened") {
      this.#run.fd = report.fd;
      this.#run.opened.resolve();
    } else if (report.type === "ended") {
      this.#end(report.why);
    } else if (!this.isAbandoned(report.run)) {
      this.#listener.onTorn(report.id);
    }
  }

  #fetch(report: FrameReport): void {
    const { block, bytes, id, run } = report;
    this.#lastId = id;
    const pixels = block === undefined ? undefined : this.#blocks?.fetch(block, id, bytes);
    // The thread has taken the block back for a newer frame: that one's id shows the gap.
    if (block !== undefined && !pixels) return;
    if (this.isAbandoned(run)) pixels?.release();
    else this.#listener.onFrame({ ...report, pixels });
  }

  isAbandoned(run: number): boolean {
    return Atomics.load(this.#control, CONTROL.abandoned) >= run;
  }

  #end(why: RunEnd): void {
    if (this.#run) this.#run.fd = undefined;
    this.#run?.ended.resolve(why);
  }
}

const NO_LUMA: Luma = { offset: 0, step: 0, stride: 0, width: 0, height: 0 };
