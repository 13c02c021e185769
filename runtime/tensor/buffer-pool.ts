import { allocate, type NativeBlock } from "../native/index.ts";

/** Temporary ownership of one of a pool's buffers. */
export interface Lease {
  /** Native memory of the pool's `bufferBytes`, with what its last user left in it. */
  readonly buffer: ArrayBuffer;
  /** For `attach` in another thread. */
  readonly blockId: number;
  /** Gives the buffer back; a second call does nothing. */
  release(): void;
}

export interface BufferPoolOptions {
  buffers: number;
  bufferBytes: number;
}

/** A fixed number of equal native buffers, all allocated at the start: it grows only when told to, and never blocks. */
export class BufferPool {
  readonly bufferBytes: number;
  #size: number;
  #free: NativeBlock[] = [];
  #refused = 0;
  #started = false;

  constructor(options: BufferPoolOptions) {
    this.#size = options.buffers;
    this.bufferBytes = options.bufferBytes;
  }

  /** Allocates. Errors: ERR_ADDON_ARGUMENT when the system has too little memory. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (let i = 0; i < this.size; i++) this.#free.push(allocate(this.bufferBytes));
  }

  /** Lets go of the free buffers, and of each leased one when it comes back. */
  stop(): void {
    this.#started = false;
    this.#free = [];
  }

  get size(): number {
    return this.#size;
  }

  /** Allocates what is missing to `buffers`. Errors: those of `start`. */
  reserve(buffers: number): void {
    for (; this.#size < buffers; this.#size++) if (this.#started) this.#free.push(allocate(this.bufferBytes));
  }

  get free(): number {
    return this.#free.length;
  }

  /** How often there was nothing to lease. */
  get refused(): number {
    return this.#refused;
  }

  /** Undefined when every buffer is taken. */
  lease(): Lease | undefined {
    const block = this.#free.pop();
    if (block === undefined) {
      this.#refused += 1;
      return undefined;
    }
    // The list of this start: what comes back after a stop goes with the others of its time.
    const home = this.#free;
    let released = false;
    return {
      buffer: block.buffer,
      blockId: block.id,
      release: () => {
        if (!released) home.push(block);
        released = true;
      },
    };
  }
}
