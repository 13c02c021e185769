import type { Verdict } from "./decide.ts";
import { centreOf, type Detection } from "./detection.ts";

/** One dimension of a part, from the boxes of what was found on it. */
export interface Gauge {
  name: string;
  what: "width" | "height" | "distance";
  /** The label that is measured, its best detection; a distance lies between the centres of two. */
  of: readonly string[];
  /** Lower and upper limit that are still good. */
  lsl?: number | undefined;
  usl?: number | undefined;
  /** What the frame gets when the value is beyond a limit, or cannot be taken. */
  verdict: "fail" | "review" | "error";
}

export interface Measurement {
  name: string;
  /** Null when what it measures was not found. */
  value: number | null;
  unit: "mm" | "px";
  lsl: number | null;
  usl: number | null;
  ok: boolean;
}

export interface Measured {
  measurements: Measurement[];
  /** Of the gauges that are not good. */
  verdicts: Verdict[];
  reasons: string[];
}

/** In millimetres where the scale is known, else in pixels. */
export function measure(
  detections: readonly Detection[],
  gauges: readonly Gauge[],
  pxPerMm: number | undefined,
): Measured {
  const measured: Measured = { measurements: [], verdicts: [], reasons: [] };
  const unit = pxPerMm === undefined ? "px" : "mm";
  for (const gauge of gauges) {
    const { lsl = null, name, usl = null, verdict } = gauge;
    const valuePx = read(detections, gauge);
    const value = valuePx === undefined ? null : valuePx / (pxPerMm ?? 1);
    const ok = value !== null && value >= (lsl ?? -Infinity) && value <= (usl ?? Infinity);
    measured.measurements.push({ name, value, unit, lsl, usl, ok });
    if (ok) continue;
    measured.verdicts.push(verdict);
    const found = value === null ? `${gauge.of.join(" or ")} not found` : `${value.toFixed(3)} ${unit}`;
    measured.reasons.push(`${name}: ${found}, limits ${lsl ?? "none"} to ${usl ?? "none"}`);
  }
  return measured;
}

/** Pixels; undefined when what it measures was not found. */
function read(
  detections: readonly Detection[],
  { of: [from = "", to = from], what }: Gauge,
): number | undefined {
  const first = best(detections, from);
  if (!first) return undefined;
  const [left, top, right, bottom] = first.box;
  if (what === "width") return right - left;
  if (what === "height") return bottom - top;
  const second = best(detections, to, first);
  if (!second) return undefined;
  const [[x1, y1], [x2, y2]] = [centreOf(first.box), centreOf(second.box)];
  return Math.hypot(x2 - x1, y2 - y1);
}

function best(detections: readonly Detection[], label: string, other?: Detection): Detection | undefined {
  const found = detections.filter((d) => d.label === label && d !== other);
  return found.reduce<Detection | undefined>((a, b) => (a && a.score >= b.score ? a : b), undefined);
}
