import { allocate, attach } from "../../../runtime/native/index.ts";

/** A block is free, or somebody works in it, or it holds a frame that nobody has fetched yet (its mark, above 0). */
const FREE = 0;
const TAKEN = -1;

/** What crosses to the other thread: the blocks' ids, and who owns each, in shared memory. */
export interface BlockRecord {
  ids: readonly number[];
  states: SharedArrayBuffer;
}

/** Counts up with each release, so that the reader can sleep until there is one. */
export type Releases = Int32Array;

/** A frame's id as a mark: above 0, and within 31 bits however long a camera runs. */
const markOf = (id: number): number => (id % 0x3fff_ffff) + 1;

/**
 * The reader's side of a fixed number of equal native blocks. It always owns one to read into; a frame is handed
 * over only together with getting the next one, so that a reader never stands without.
 */
export class ReaderBlocks {
  readonly blockBytes: number;
  readonly record: BlockRecord;
  readonly #bytes: readonly Uint8Array[];
  readonly #states: Int32Array;
  #current = 0;

  constructor(count: number, blockBytes: number) {
    const blocks = Array.from({ length: count + 1 }, () => allocate(blockBytes));
    this.blockBytes = blockBytes;
    this.#bytes = blocks.map(({ buffer }) => new Uint8Array(buffer));
    const states = new SharedArrayBuffer(4 * blocks.length);
    this.#states = new Int32Array(states);
    this.#states[this.#current] = TAKEN;
    this.record = { ids: blocks.map(({ id }) => id), states };
  }

  /** What the reader may write. */
  get current(): Uint8Array {
    return this.#bytes[this.#current] as Uint8Array;
  }

  /**
   * Hands the current block over as frame `id` and moves on to a free one or, with `evict`, to the oldest frame that
   * nobody has fetched. Undefined when there is none: then nothing was handed over.
   */
  handOver(id: number, evict: boolean): number | undefined {
    const next = this.#takeFree() ?? (evict ? this.#takeOldest() : undefined);
    if (next === undefined) return undefined;
    const filled = this.#current;
    Atomics.store(this.#states, filled, markOf(id));
    this.#current = next;
    return filled;
  }

  #takeFree(): number | undefined {
    for (let i = 0; i < this.#states.length; i++) {
      if (Atomics.compareExchange(this.#states, i, FREE, TAKEN) === FREE) return i;
    }
    return undefined;
  }

  #takeOldest(): number | undefined {
    const waiting = [...this.#states.keys()]
      .map((block) => ({ block, mark: Atomics.load(this.#states, block) }))
      .filter(({ mark }) => mark > FREE)
      .sort((a, b) => a.mark - b.mark);
    return waiting.find(
      ({ block, mark }) => Atomics.compareExchange(this.#states, block, mark, TAKEN) === mark,
    )?.block;
  }
}

/** The other side of `ReaderBlocks`: fetches frames and gives their blocks back. */
export class FetchedBlocks {
  readonly #buffers: readonly ArrayBuffer[];
  readonly #states: Int32Array;
  readonly #releases: Releases;

  constructor({ ids, states }: BlockRecord, releases: Releases) {
    this.#buffers = ids.map(attach);
    this.#states = new Int32Array(states);
    this.#releases = releases;
  }

  /** Undefined when the reader has taken the block back for a newer frame. */
  fetch(block: number, id: number, bytes: number): { bytes: Uint8Array; release: () => void } | undefined {
    const mark = markOf(id);
    const buffer = this.#buffers[block];
    if (!buffer || Atomics.compareExchange(this.#states, block, mark, TAKEN) !== mark) return undefined;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      Atomics.store(this.#states, block, FREE);
      Atomics.add(this.#releases, 0, 1);
      Atomics.notify(this.#releases, 0);
    };
    return { bytes: new Uint8Array(buffer, 0, bytes), release };
  }
}
