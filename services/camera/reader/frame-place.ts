import { ReaderBlocks } from "./blocks.ts";
import { PictureCheck } from "./picture-check.ts";
import { PipeEnd } from "./pipe.ts";
import { CONTROL, type ReaderOptions, type Report } from "./protocol.ts";

interface Kind {
  isStill: boolean;
}

interface Deps {
  post(report: Report): void;
  control: Int32Array;
}

/** The size of raw frames differs from the first one's. */
export class SizeChanged extends Error {
  readonly from: number;
  readonly to: number;

  constructor(from: number, to: number) {
    super(`frames of ${to} bytes instead of ${from}`);
    this.from = from;
    this.to = to;
  }
}

/** 64 megapixels of RGB. */
const FRAME_BYTES_MAX = 192 * 2 ** 20;
const STILL_BYTES_MAX = 32 * 2 ** 20;
const STILL: Kind = { isStill: true };

/** Where frames are read into and handed over from: blocks, ids, times and the look at each picture. */
export class FramePlace {
  readonly #deps: Deps;
  readonly #options: ReaderOptions;
  readonly #check: PictureCheck;
  #blocks: ReaderBlocks | undefined;
  /** Of the last frame of any run. */
  #id: number;
  #run = 0;
  #rawBytes: number | undefined;
  #atNs = 0n;
  #atMs = 0;
  #isTorn = false;

  constructor(deps: Deps, options: ReaderOptions, lastId = 0) {
    this.#deps = deps;
    this.#options = options;
    this.#id = lastId;
    this.#check = new PictureCheck(options.checks);
  }

  startRun(run: number, rawBytes: number | undefined): void {
    this.#run = run;
    this.#rawBytes = rawBytes;
    this.#isTorn = false;
    this.#check.restart();
  }

  /** True for a length that a frame can have. */
  takes(bytes: number): boolean {
    return bytes > 0 && bytes <= FRAME_BYTES_MAX;
  }

  /** Where to put the next frame. Errors: SizeChanged. */
  space(bytes: number, { isStill }: Kind): Uint8Array {
    if (!isStill) {
      this.#rawBytes ??= bytes;
      if (bytes !== this.#rawBytes) throw new SizeChanged(this.#rawBytes, bytes);
    }
    if (!this.#blocks || this.#blocks.blockBytes < bytes) {
      // Stills differ in size: some room saves doing this for each that is larger than all before.
      this.#blocks = new ReaderBlocks(this.#options.blocks, isStill ? Math.ceil(bytes * 1.5) : bytes);
      this.#deps.post({ type: "blocks", blocks: this.#blocks.record });
    }
    return this.#blocks.current;
  }

  /** As much space again for a still, with the first `bytes` in it; undefined beyond what a still can have. */
  grow(bytes: number): Uint8Array | undefined {
    if (bytes * 2 > STILL_BYTES_MAX) return undefined;
    const kept = this.space(bytes, STILL);
    const larger = this.space(bytes * 2, STILL);
    larger.set(kept.subarray(0, bytes));
    return larger;
  }

  /** The first byte of a frame is here. */
  begin(): void {
    this.#atNs = process.hrtime.bigint();
    this.#atMs = Date.now();
  }

  /** A whole frame of `bytes` lies in the current space. */
  frame(bytes: number, { isStill }: Kind): void {
    if (!this.#blocks) return;
    this.#isTorn = false;
    const id = ++this.#id;
    const luma = isStill ? undefined : this.#luma();
    const faults = this.#check.look(this.#blocks.current.subarray(0, bytes), luma);
    Atomics.add(this.#deps.control, CONTROL.frames, 1);
    const block = this.#handOver(this.#blocks, id);
    if (block === undefined && this.#options.whenFull === "drop") return;
    const [atNs, atMs, run] = [this.#atNs, this.#atMs, this.#run];
    this.#deps.post({ type: "frame", run, id, block, bytes, isStill, atNs, atMs, faults });
  }

  /**
   * What was read is no whole frame; all of it up to the next whole one counts once, so that garbage does not count
   * by its length. Where each part must be answered it takes an id.
   */
  torn(): void {
    if (this.#isTorn) return;
    this.#isTorn = true;
    const id = this.#options.whenFull === "lose" ? ++this.#id : undefined;
    this.#deps.post({ type: "torn", run: this.#run, id });
  }

  #handOver(blocks: ReaderBlocks, id: number): number | undefined {
    const { control } = this.#deps;
    for (;;) {
      const releases = Atomics.load(control, CONTROL.releases);
      const block = blocks.handOver(id, this.#options.whenFull === "drop");
      if (block !== undefined || this.#options.whenFull !== "wait") return block;
      if (Atomics.load(control, CONTROL.abandoned) >= this.#run) throw new PipeEnd();
      Atomics.wait(control, CONTROL.releases, releases);
    }
  }

  #luma() {
    const at = (word: number) => Atomics.load(this.#deps.control, CONTROL.luma + word);
    const height = at(4);
    return height === 0 ? undefined : { offset: at(0), step: at(1), stride: at(2), width: at(3), height };
  }
}
