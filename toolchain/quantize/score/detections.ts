import { type Box, iou } from "../../../runtime/pipeline/detection.ts";

export interface Truth {
  label: string;
  box: Box;
}

/** A detection of any board. */
export interface Scored {
  label: string;
  score: number;
  isRight: boolean;
}

export interface Score {
  /** Average precision, all-point interpolation. */
  ap: number;
  /** Best F-score over all thresholds, and the threshold that gives it. */
  f: number;
  threshold: number;
  truths: number;
}

/**
 * The table: a row a class, then `all`, where `ap` is the mean over the classes that occur and `f` counts all detections
 * at once.
 */
export function scoreTable(
  labels: readonly string[],
  scored: readonly Scored[],
  truths: readonly Truth[],
): Record<string, Score> {
  const only = (label: string) =>
    score(
      scored.filter((s) => s.label === label),
      truths.filter((t) => t.label === label).length,
    );
  const classes = Object.fromEntries(labels.map((label) => [label, only(label)]));
  const seen = Object.values(classes).filter((row) => row.truths > 0);
  const map = seen.reduce((sum, { ap }) => sum + ap, 0) / Math.max(1, seen.length);
  return { ...classes, all: { ...score(scored, truths.length), ap: map } };
}

interface Found {
  label: string;
  score: number;
  box: Box;
}

/** Greedy, best score first; each labelled box counts once, and only where they overlap by more than `iouMin`. */
export function match(found: readonly Found[], truths: readonly Truth[], iouMin: number): Scored[] {
  const free = new Set(truths);
  return found
    .toSorted((a, b) => b.score - a.score)
    .map(({ box, label, score }) => {
      let best: Truth | undefined;
      for (const truth of free) {
        if (truth.label === label && (!best || iou(truth.box, box) > iou(best.box, box))) best = truth;
      }
      const isRight = best !== undefined && iou(best.box, box) > iouMin;
      if (best && isRight) free.delete(best);
      return { label, score, isRight };
    });
}

function score(scored: readonly Scored[], truths: number): Score {
  const sorted = scored.toSorted((a, b) => b.score - a.score);
  const points: { precision: number; isRight: boolean }[] = [];
  let [right, f, threshold] = [0, 0, 1];
  sorted.forEach((detection, i) => {
    if (detection.isRight) right++;
    points.push({ precision: right / (i + 1), isRight: detection.isRight });
    const fHere = (2 * right) / (i + 1 + truths);
    if (fHere > f) [f, threshold] = [fHere, detection.score];
  });
  let [ap, best] = [0, 0];
  for (const point of points.reverse()) {
    best = Math.max(best, point.precision);
    if (point.isRight) ap += best / truths;
  }
  return { ap, f, threshold, truths };
}
