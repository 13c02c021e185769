import type { BlockRecord } from "./blocks.ts";

/** How frames follow one another in a child's output. */
export type Framing =
  /** As GStreamer's multipartmux writes them; the boundary is learnt when it is left out. */
  | { kind: "multipart"; boundary?: string | undefined }
  /** Frames of `bytes` with nothing between them. */
  | { kind: "raw"; bytes: number }
  /** One JPEG behind the other. */
  | { kind: "mjpeg" };

/** What becomes of a frame that finds no free block. */
export type WhenFull =
  /** The oldest frame that nobody has fetched gives up its block; ids show the gap. */
  | "drop"
  /** It is reported without its picture. */
  | "lose"
  /** The reader waits, and with it the child. */
  | "wait";

export interface CheckOptions {
  /** Frames in a row that make a fault. */
  frames: number;
  /** Least variance of the Laplacian; blur is not looked for when left out. */
  sharpnessMin?: number | undefined;
}

export interface ReaderOptions {
  blocks: number;
  whenFull: WhenFull;
  checks: CheckOptions;
}

export interface ReaderSetup extends ReaderOptions {
  control: SharedArrayBuffer;
  /** Ids count on from here. */
  lastId: number;
}

/** One child's output, from its first byte to its end. */
export interface ReadOrder {
  run: number;
  /** A FIFO that somebody holds open for writing. */
  path: string;
  framing: Framing;
  /** Of each frame, where it is known beforehand. */
  frameBytes?: number | undefined;
}

export type Request = { type: "read"; order: ReadOrder } | { type: "close" };

export type Report =
  | { type: "opened"; run: number; fd: number }
  /** Frames that follow lie in these blocks. */
  | { type: "blocks"; blocks: BlockRecord }
  | FrameReport
  | { type: "torn"; run: number; id: number | undefined }
  | { type: "ended"; run: number; why: RunEnd };

export interface FrameReport {
  type: "frame";
  run: number;
  id: number;
  /** Undefined when there was no room for it. */
  block: number | undefined;
  bytes: number;
  isStill: boolean;
  /** When its first byte was read. */
  atNs: bigint;
  atMs: number;
  faults: readonly PictureFault[];
}

export type RunEnd =
  | { kind: "end"; leftOverBytes: number }
  | { kind: "size-changed"; from: number; to: number }
  | { kind: "failed"; message: string };

export const PICTURE_FAULTS = ["frozen", "black", "blown-out", "blurred"] as const;
export type PictureFault = (typeof PICTURE_FAULTS)[number];

/** Places in the shared control words. */
export const CONTROL = {
  /** Counts up with each block that comes back. */
  releases: 0,
  /** Runs up to this one are given up. */
  abandoned: 1,
  /** Whole frames so far. */
  frames: 2,
  /** How to find brightness in a raw frame: offset, step, stride, width, height; unknown while the height is 0. */
  luma: 3,
  words: 8,
} as const;
