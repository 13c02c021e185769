import { boxArea, type Detection } from "./detection.ts";

export type Verdict = "pass" | "fail" | "review" | "error";

/** When detections of these labels, scores and areas are as many as `min_count`, the frame fails (or wants review). */
export interface Rule {
  /** Any label when left out. */
  labels?: readonly string[] | undefined;
  min_score?: number | undefined;
  /** Of the box, in pixels of the source frame. */
  min_area_px?: number | undefined;
  min_count: number;
  verdict: "fail" | "review";
}

export interface Decision {
  verdict: Verdict;
  /** One sentence a rule that matched. */
  reasons: string[];
  /** Detections that a failing rule counted. */
  failing: ReadonlySet<Detection>;
}

/** Used when a pipeline names no rules: whatever the model finds fails the part. */
export const ANY_DETECTION_FAILS: readonly Rule[] = [{ min_count: 1, verdict: "fail" }];

/** Pure: applies each rule to the detections of one frame; fail outranks review, review outranks pass. */
export function decide(detections: readonly Detection[], rules: readonly Rule[]): Decision {
  const failing = new Set<Detection>();
  const reasons: string[] = [];
  let verdict: Verdict = "pass";
  for (const rule of rules) {
    const matches = detections.filter((d) => isMatch(d, rule));
    if (matches.length < rule.min_count) continue;
    reasons.push(describe(matches));
    if (rule.verdict === "fail") {
      verdict = "fail";
      for (const match of matches) failing.add(match);
    } else if (verdict === "pass") {
      verdict = "review";
    }
  }
  return { verdict, reasons, failing };
}

function isMatch(detection: Detection, rule: Rule): boolean {
  if (rule.labels && !rule.labels.includes(detection.label)) return false;
  if (rule.min_score !== undefined && detection.score < rule.min_score) return false;
  return rule.min_area_px === undefined || boxArea(detection.box) >= rule.min_area_px;
}

/** `2 short, 1 spur`, most frequent first. */
function describe(matches: readonly Detection[]): string {
  return Object.entries(countByLabel(matches))
    .sort((a, b) => b[1] - a[1])
    .map(([label, count]) => `${count} ${label}`)
    .join(", ");
}

export function countByLabel(detections: Iterable<Detection>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { label } of detections) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}
