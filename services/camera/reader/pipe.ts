/** The child's output is over, or nobody wants the rest of it. */
export class PipeEnd extends Error {}

/** Reads at least one byte into `target` from `offset` on, waiting for it; 0 at the end. */
export type BlockingRead = (target: Uint8Array, offset: number, length: number) => number;

const AHEAD_BYTES = 64 * 1024;

/** A pipe with a look ahead: headers are searched there, payload goes past it straight to its place. */
export class Pipe {
  readonly #read: BlockingRead;
  readonly #buffer = Buffer.alloc(AHEAD_BYTES);
  #start = 0;
  #end = 0;

  constructor(read: BlockingRead) {
    this.#read = read;
  }

  /** What was read and not used yet; valid until the next call. */
  get ahead(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  skip(bytes: number): void {
    this.#start = Math.min(this.#start + bytes, this.#end);
  }

  /** Waits until something more is ahead, at most `bytes`. */
  more(bytes: number): void {
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    this.#end += this.#some(this.#buffer, this.#end, Math.min(bytes, AHEAD_BYTES - this.#end));
  }

  /** Waits for at least one byte of up to `length`. */
  readSome(target: Uint8Array, offset: number, length: number): number {
    const ahead = Math.min(length, this.#end - this.#start);
    if (ahead === 0) return this.#some(target, offset, length);
    target.set(this.#buffer.subarray(this.#start, this.#start + ahead), offset);
    this.#start += ahead;
    return ahead;
  }

  readAll(target: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) done += this.readSome(target, offset + done, length - done);
  }

  #some(target: Uint8Array, offset: number, length: number): number {
    const bytes = this.#read(target, offset, length);
    if (bytes === 0) throw new PipeEnd();
    return bytes;
  }
}
