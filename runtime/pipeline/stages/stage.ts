import type { Judged } from "../judged.ts";
import type { Scene } from "../scene.ts";

/**
 * Looks at the picture of one frame and adds to what is known of it. Several frames are looked at at once, in any
 * order, so a looking stage remembers none of them.
 */
export interface LookingStage {
  readonly kind: "looking";
  /** Stills are decoded at their full size before the first stage when one says so. */
  readonly needsPixels: boolean;
  /** It may wait for others than this machine's processor. */
  readonly waits?: boolean;
  look(scene: Scene): Promise<Scene>;
  /** Gives back what it holds, such as threads. */
  close?(): Promise<void>;
}

/**
 * Judges what was seen, in the order of the frames, one at a time and without waiting; the picture is gone by then.
 * What it remembers must be bounded.
 */
export interface JudgingStage {
  readonly kind: "judging";
  /** One in; one out as a rule, none or several where a frame is not what is judged. */
  judge(judged: Judged): readonly Judged[];
  /** In place of `judge` for a frame that failed on its way, which is answered as it is. */
  missed?(judged: Judged): void;
}

export type Stage = LookingStage | JudgingStage;
