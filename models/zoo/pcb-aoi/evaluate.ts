// Scores the shipped detector, through `sightline infer` itself, on a folder of labelled boards.
//   node models/zoo/pcb-aoi/evaluate.ts DIR      DIR/images/*.jpg, DIR/labels/*.txt (x1 y1 x2 y2 type)
// A detection is right when its class matches and IoU > 0.33, as the dataset's authors count.

import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { main } from "../../../cli/sightline.ts";
import { type Box, iou } from "../../../runtime/pipeline/detection.ts";
import type { InspectionResult } from "../../../runtime/pipeline/result.ts";

const LABELS = ["open", "short", "mousebite", "spur", "copper", "pin-hole"];
const IOU_MIN = 0.33;

interface Truth {
  label: string;
  box: Box;
}

/** A detection of any board, best score first once sorted. */
interface Scored {
  label: string;
  score: number;
  isRight: boolean;
}

interface Score {
  /** Average precision, all-point interpolation. */
  ap: number;
  /** Best F-score over all thresholds, and the threshold that gives it. */
  f: number;
  threshold: number;
  truths: number;
}

/** The table: a row a class, then `all`, where `ap` is the mean over classes and `f` counts all detections at once. */
export async function evaluate(folder: string): Promise<Record<string, Score>> {
  const names = (await readdir(join(folder, "images"))).sort();
  const results = await infer(names.map((name) => join(folder, "images", name)));
  const scored: Scored[] = [];
  const truths: Truth[] = [];
  for (const result of results) {
    const name = basename(result.frame.origin ?? "", ".jpg");
    const wanted = parseLabels(await readFile(join(folder, "labels", `${name}.txt`), "utf8"));
    truths.push(...wanted);
    scored.push(...match(result, wanted));
  }
  const only = (label: string) =>
    score(
      scored.filter((s) => s.label === label),
      truths.filter((t) => t.label === label).length,
    );
  const classes = Object.fromEntries(LABELS.map((label) => [label, only(label)]));
  const map = LABELS.reduce((sum, label) => sum + (classes[label]?.ap ?? 0), 0) / LABELS.length;
  return { ...classes, all: { ...score(scored, truths.length), ap: map } };
}

async function infer(files: readonly string[]): Promise<InspectionResult[]> {
  const results: InspectionResult[] = [];
  const out = (line: string) => results.push(JSON.parse(line) as InspectionResult);
  const args = ["infer", "--model", "pcb-aoi", "--min-score", "0.02", "--json", ...files];
  await main(args, { out, err: console.error, cwd: process.cwd(), env: {}, isTty: false });
  return results;
}

function parseLabels(text: string): Truth[] {
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

/** Greedy, best score first; each labelled defect counts once. */
function match(result: InspectionResult, truths: readonly Truth[]): Scored[] {
  const free = new Set(truths);
  return result.detections
    .toSorted((a, b) => b.score - a.score)
    .map(({ box_px, label, score }) => {
      const box = box_px as unknown as Box;
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

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (!folder) throw new Error("usage: node models/zoo/pcb-aoi/evaluate.ts DIR");
  console.log("class        defects      AP  best F  at score");
  for (const [name, { ap, f, threshold, truths }] of Object.entries(await evaluate(folder))) {
    const figures = [ap, f, threshold].map((v) => v.toFixed(4).padStart(7)).join(" ");
    console.log(
      `${(name === "all" ? "all (mean AP)" : name).padEnd(13)} ${String(truths).padStart(6)} ${figures}`,
    );
  }
}
