import type { Verdict } from "../decide.ts";
import type { JudgingStage } from "./stage.ts";

/** A part fails when at least `fails` of its last `of` frames failed. */
export interface WindowOptions {
  fails: number;
  of: number;
}

/** k-of-n over consecutive frames: one noisy frame neither fails a good part nor saves a bad one. */
export function windowStage(options: WindowOptions): JudgingStage {
  const window = new Window(options);
  return { kind: "judging", judge: (judged) => [{ ...judged, verdict: window.next(judged.verdict) }] };
}

/** Frames in error are answered as such and count as nothing. */
export class Window {
  readonly #options: WindowOptions;
  #failed: boolean[] = [];

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  next(frame: Verdict): Verdict {
    if (frame === "error") return frame;
    this.#failed.push(frame === "fail");
    if (this.#failed.length > this.#options.of) this.#failed.shift();
    if (this.#failed.filter(Boolean).length >= this.#options.fails) return "fail";
    return frame === "fail" ? "pass" : frame;
  }
}
