import type { PixelFormat, PlaneLayout } from "../native/index.ts";

export type Picture = StillPicture | RawPicture;

/** An encoded still (JPEG, PNG, WebP, TIFF) as a file or camera delivers it. */
export interface StillPicture {
  encoding: "still";
  bytes: Uint8Array;
}

/** A camera's pixels, read where they lie; whoever made the frame keeps them until its `release`. */
export interface RawPicture {
  encoding: "raw";
  format: PixelFormat;
  /** In pixels. */
  width: number;
  height: number;
  /** Where each plane of the format lies in `bytes`; rows may be padded. */
  planes: readonly PlaneLayout[];
  bytes: Uint8Array;
  /**
   * Of YUV formats. Left out: BT.709 above 576 rows, else BT.601, and limited range, as GStreamer takes it
   * (gst-libs/gst/video/video-info.c).
   */
  matrix?: "bt601" | "bt709";
  range?: "limited" | "full";
}

/** One captured image with its time. Whoever holds it last calls `release`. */
export interface Frame {
  /** Counts up from 1 per camera; the same input gives the same ids. */
  id: number;
  camera: string;
  /** Exposure or read time: monotonic for durations, wall clock (milliseconds) for people. */
  capturedAtNs: bigint;
  capturedAtMs: number;
  picture: Picture;
  /** Frames of this camera that were dropped since the one before this. */
  dropsBefore: number;
  /** Where it came from, for people: a file's path, a trigger's number. */
  origin: string | undefined;
  /** Which part the picture shows and what had it taken, where the sender or a trigger says so. */
  partId?: string | undefined;
  triggerId?: string | undefined;
  /**
   * The sender's own name for the frame, and its own time of the capture if it told one. A frame that comes twice,
   * here or at another device, gets the same result id.
   */
  sourceId?: string | undefined;
  sourceTimeMs?: number | undefined;
  /** Set when there is no usable picture although its part must be answered. */
  lost: Error | undefined;
  release(): void;
}

/** Where a pipeline begins: a camera, or something that acts as one. */
export interface FrameSource {
  /** True when it can be made to wait, as files can; a camera cannot, so frames are dropped instead. */
  readonly canWait: boolean;
  /** Ends when the source is exhausted or `signal` aborts; throws ERR_CAMERA_SOURCE when it cannot open. */
  frames(signal: AbortSignal): AsyncIterable<Frame>;
}
