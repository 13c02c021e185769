import type { Verdict } from "../decide.ts";
import type { JudgingStage } from "./stage.ts";

export interface HysteresisOptions {
  /** Failed frames in a row that turn the verdict to fail, and others in a row that turn it back. */
  fail_after: number;
  pass_after: number;
}

/** Two thresholds: a verdict that flickers around one limit neither rings an alarm nor ends it at each frame. */
export function hysteresisStage(options: HysteresisOptions): JudgingStage {
  const hysteresis = new Hysteresis(options);
  return { kind: "judging", judge: (judged) => [{ ...judged, verdict: hysteresis.next(judged.verdict) }] };
}

/** Frames in error are answered as such and count as nothing. */
export class Hysteresis {
  readonly #options: HysteresisOptions;
  #isFailing = false;
  /** Frames in a row that speak against the state. */
  #against = 0;

  constructor(options: HysteresisOptions) {
    this.#options = options;
  }

  next(frame: Verdict): Verdict {
    if (frame === "error") return frame;
    this.#against = (frame === "fail") === this.#isFailing ? 0 : this.#against + 1;
    const limit = this.#isFailing ? this.#options.pass_after : this.#options.fail_after;
    if (this.#against >= limit) {
      this.#isFailing = !this.#isFailing;
      this.#against = 0;
    }
    if (this.#isFailing) return "fail";
    return frame === "fail" ? "pass" : frame;
  }
}
