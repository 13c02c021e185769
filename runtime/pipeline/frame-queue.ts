import type { Frame } from "./frame.ts";

/** Frames that wait for one pipeline. Which one it takes is decided when it is admitted, not before. */
export interface FrameQueue {
  /** Resolves with true when a frame may wait, and with false when none will come any more. */
  waiting(): Promise<boolean>;
  /** Resolves a `waiting` that is pending, whether a frame has come or not. */
  wake(): void;
  /**
   * The oldest frame, or of a camera that runs freely the newest where there was no permit for a while: what came before
   * it is of the past. Undefined when what waited has been given up meanwhile.
   */
  take(options: { isLate: boolean }): Frame | undefined;
}
