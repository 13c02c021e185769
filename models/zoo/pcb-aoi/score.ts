import { type Box, iou } from "../../../runtime/pipeline/detection.ts";

export const LABELS = ["open", "short", "mousebite", "spur", "copper", "pin-hole"];
/** As the dataset's authors count. */
const IOU_MIN = 0.33;

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

/** The table: a row a class, then `all`, where `ap` is the mean over classes and `f` counts all detections at once. */
export function scoreTable(scored: readonly Scored[], truths: readonly Truth[]): Record<string, Score> {
  const only = (label: string) =>
    score(
      scored.filter((s) => s.label === label),
      truths.filter((t) => t.label === label).length,
    );
  const classes = Object.fromEntries(LABELS.map((label) => [label, only(label)]));
  const map = LABELS.reduce((sum, label) => sum + (classes[label]?.ap ?? 0), 0) / LABELS.length;
  return { ...classes, all: { ...score(scored, truths.length), ap: map } };
}

/** A labels file: `x1 y1 x2 y2 type` a line. */
export function parseLabels(text: string): Truth[] {
  if (text.trim() === "") return [];
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, type = 0] = line
        .trim()
        .split(/[\s,]+/)
        .map(Number);
      return { label: LABELS[type - 1] ?? "?", box: [x1, y1, x2, y2] };
    });
}

interface Found {
  label: string;
  score: number;
  box: Box;
}

/** Greedy, best score first; each labelled defect counts once. */
export function match(found: readonly Found[], truths: readonly Truth[]): Scored[] {
  const free = new Set(truths);
  return found
    .toSorted((a, b) => b.score - a.score)
    .map(({ box, label, score }) => {
      let best: Truth | undefined;
      for (const truth of free) {
        if (truth.label === label && (!best || iou(truth.box, box) > iou(best.box, box))) best = truth;
      }
      const isRight = best !== undefined && iou(best.box, box) > IOU_MIN;
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
