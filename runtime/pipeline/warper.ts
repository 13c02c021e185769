import { Worker } from "node:worker_threads";
import { SightlineError } from "../base/errors.ts";
import type { PackedImage } from "./warp.ts";
import type { WarpRequest } from "./warp-thread.ts";

interface Waiting {
  resolve(warped: PackedImage): void;
  reject(error: Error): void;
}

/** One thread that warps pictures in the order in which they come; it starts with the first. */
export class Warper {
  #worker: Worker | undefined;
  #waiting: Waiting[] = [];

  /** `request.source.data` is moved, not copied. Errors: ERR_STAGE_RUN when the thread has died. */
  warp(request: WarpRequest): Promise<PackedImage> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      worker.postMessage(request, [request.source.data.buffer as ArrayBuffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./warp-thread.ts", import.meta.url));
    worker.unref();
    worker.on("message", (warped: PackedImage) => this.#waiting.shift()?.resolve(warped));
    worker.on("error", (error) => this.#fail(SightlineError.wrap("ERR_STAGE_RUN", error, "rectify")));
    worker.on("exit", () =>
      this.#fail(new SightlineError("ERR_STAGE_RUN", "rectify: its thread ended unexpectedly")),
    );
    return worker;
  }

  /** The next picture starts a new thread. */
  #fail(error: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
