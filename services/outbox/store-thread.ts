import { Worker } from "node:worker_threads";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { CallName, Calls, Opened, OpenOptions, Reply, Request } from "./protocol.ts";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: SightlineError): void;
}

export const spawnWriter = (): Worker => new Worker(new URL("./writer.ts", import.meta.url));

/** Calls the store's thread. If that thread dies, its calls fail and the next call starts another one. */
export class StoreThread {
  readonly #spawn: () => Worker;
  #options: OpenOptions | undefined;
  #worker: Worker | undefined;
  #calls = new Map<number, Waiting>();
  #lastCall = 0;

  constructor(spawn: () => Worker) {
    this.#spawn = spawn;
  }

  /** Errors: ERR_STORE_OPEN. */
  async open(options: OpenOptions): Promise<Opened> {
    this.#options = options;
    try {
      return await this.#post(this.#start(), "open", options);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Errors: ERR_STORE_OPEN, ERR_STORE_WRITE. */
  async call<K extends CallName>(name: K, input: Calls[K]["in"]): Promise<Calls[K]["out"]> {
    return this.#post(this.#worker ?? (await this.#restart()), name, input);
  }

  /** Ends the thread. May be called twice. */
  async close(): Promise<void> {
    this.#options = undefined;
    const worker = this.#worker;
    if (!worker) return;
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    await this.#post(worker, "close", undefined).finally(() => exited);
  }

  async #restart(): Promise<Worker> {
    const options = this.#options;
    if (!options) throw new SightlineError("ERR_STORE_OPEN", "The result store is not open");
    const worker = this.#start();
    try {
      await this.#post(worker, "open", options);
      return worker;
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  #start(): Worker {
    const worker = this.#spawn();
    let cause: unknown;
    worker.on("message", (reply: Reply) => this.#settle(reply));
    worker.on("error", (error) => {
      cause = error;
    });
    worker.once("exit", () => this.#lost(worker, cause));
    this.#worker = worker;
    return worker;
  }

  #post<K extends CallName>(worker: Worker, name: K, input: Calls[K]["in"]): Promise<Calls[K]["out"]> {
    const call = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve: (value) => resolve(value as Calls[K]["out"]), reject });
      worker.postMessage({ call, name, input } satisfies Request<K>);
    });
  }

  #settle(reply: Reply): void {
    const waiting = this.#calls.get(reply.call);
    this.#calls.delete(reply.call);
    if ("error" in reply) waiting?.reject(SightlineError.from(reply.error));
    else waiting?.resolve(reply.value);
  }

  #lost(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const calls = this.#calls;
    this.#calls = new Map();
    for (const { reject } of calls.values()) {
      reject(new SightlineError("ERR_STORE_WRITE", "The store's thread ended unexpectedly", { cause }));
    }
  }
}
