/** An encoded still (JPEG, PNG, WebP, TIFF) as a file or camera delivers it. Raw pixel formats join here. */
export interface Picture {
  encoding: "still";
  bytes: Uint8Array;
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
