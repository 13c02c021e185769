import { areaOf, type Detection } from "./detection.ts";
import { isInZone, type Zone } from "./zone.ts";

export type Verdict = "pass" | "fail" | "review" | "error";

/** Which detections count, how many are too many or too few, and what follows. */
export interface Rule {
  /** Any label when left out. */
  labels?: readonly string[] | undefined;
  /** What further models must have said. */
  attributes?: Readonly<Record<string, string>> | undefined;
  min_score?: number | undefined;
  /** Of the shape, or of the box where none is known, in the source frame. */
  min_area_px?: number | undefined;
  /** Needs a scale. */
  min_area_mm2?: number | undefined;
  /** Names of zones. */
  inside?: string | undefined;
  outside?: string | undefined;
  /** The rule applies from as many on; 1 when left out. */
  min_count?: number | undefined;
  /** The rule applies when there are fewer or more; in place of `min_count`. */
  expect?: { min: number; max: number } | undefined;
  verdict: "fail" | "review" | "error";
}

/** Of a pipeline's camera: what turns pixels into places and sizes. */
export interface Scale {
  pxPerMm?: number | undefined;
  zones?: Readonly<Record<string, Zone>> | undefined;
}

export interface Decision {
  verdict: Verdict;
  /** One sentence a rule that matched. */
  reasons: readonly string[];
  /** Detections that a failing rule counted. */
  failing: ReadonlySet<Detection>;
}

export const PASS: Decision = { verdict: "pass", reasons: [], failing: new Set() };
export const UNDECIDED: Decision = { verdict: "error", reasons: [], failing: new Set() };

/** Used when a pipeline names no rules: whatever the model finds fails the part. */
export const ANY_DETECTION_FAILS: readonly Rule[] = [{ verdict: "fail" }];

/** A picture that cannot be judged settles nothing, whatever else was found on it. */
const RANK: Record<Verdict, number> = { pass: 0, review: 1, fail: 2, error: 3 };

export const worse = (a: Verdict, b: Verdict): Verdict => (RANK[b] > RANK[a] ? b : a);

/** Pure: applies each rule to the detections of one frame; error outranks fail, fail review, review pass. */
export function decide(
  detections: readonly Detection[],
  rules: readonly Rule[],
  scale: Scale = {},
): Decision {
  const failing = new Set<Detection>();
  const reasons: string[] = [];
  let verdict: Verdict = "pass";
  for (const rule of rules) {
    const matches = detections.filter((d) => isMatch(d, rule, scale));
    if (!applies(rule, matches.length)) continue;
    reasons.push(describe(matches, rule));
    verdict = worse(verdict, rule.verdict);
    if (rule.verdict === "fail") for (const match of matches) failing.add(match);
  }
  return { verdict, reasons, failing };
}

/** What two looks at the same frame say together. */
export const combine = (a: Decision, b: Decision): Decision => ({
  verdict: worse(a.verdict, b.verdict),
  reasons: [...a.reasons, ...b.reasons],
  failing: a.failing.union(b.failing),
});

const applies = ({ expect, min_count = 1 }: Rule, count: number): boolean =>
  expect ? count < expect.min || count > expect.max : count >= min_count;

function isMatch(detection: Detection, rule: Rule, { pxPerMm = 1, zones = {} }: Scale): boolean {
  const { attributes = {}, inside, labels, min_area_mm2 = 0, min_area_px = 0, min_score = 0, outside } = rule;
  if (labels && !labels.includes(detection.label)) return false;
  if (detection.score < min_score) return false;
  const area = areaOf(detection);
  if (area < min_area_px || area / pxPerMm ** 2 < min_area_mm2) return false;
  const isIn = (name: string) => isInZone(zones[name] ?? { points: [] }, detection.box);
  if (inside !== undefined && !isIn(inside)) return false;
  if (outside !== undefined && isIn(outside)) return false;
  return Object.entries(attributes).every(([name, label]) => detection.attributes?.[name]?.label === label);
}

/** `2 short, 1 spur`, most frequent first; `3 screw, expected 4`. */
function describe(matches: readonly Detection[], { expect, labels = ["detections"] }: Rule): string {
  const counted = Object.entries(countByLabel(matches))
    .sort((a, b) => b[1] - a[1])
    .map(([label, count]) => `${count} ${label}`)
    .join(", ");
  if (!expect) return counted;
  const { max, min } = expect;
  return `${counted || `0 ${labels.join(", ")}`}, expected ${min === max ? min : `${min} to ${max}`}`;
}

export function countByLabel(detections: Iterable<Detection>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { label } of detections) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}
