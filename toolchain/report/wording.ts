import type { TaskScore } from "../quantize/score/task-score.ts";

/** What stands where nothing was measured. */
export const NOTHING = "–";

/** With a real minus; `NOTHING` for what is no number, such as the SQNR of an output that is all 0. */
export function decimals(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const rounded = Math.abs(value).toFixed(digits);
  return value < 0 && Number(rounded) !== 0 ? `−${rounded}` : rounded;
}

export const decibels = (value: number | null | undefined): string =>
  Number.isFinite(value ?? Number.NaN) ? `${decimals(value, 1)} dB` : NOTHING;

export const percent = (share: number, digits = 1): string => `${decimals(share * 100, digits)} %`;

/** What a task score counts. */
export const METRICS: Readonly<Record<TaskScore["metric"], string>> = {
  map50: "mAP at IoU 0.5",
  top1: "Right class",
};

/** 1 kB is 1000 bytes. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${decimals(count / 1000, 1)} kB` : `${decimals(count / 1e6, 2)} MB`;
}

/** Three figures that say something, whatever the magnitude. */
export function threeFigures(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e5))
    return value.toExponential(1).replaceAll("-", "−");
  const digits = magnitude === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(magnitude)));
  return decimals(value, digits);
}

/** Such as `3.90× smaller`. */
export const sizeChange = ({ float, quantized }: Change): string =>
  factor(float / quantized, { same: "the same size", less: "smaller", more: "larger" });

/** Such as `1.80× quicker`. */
export const timeChange = ({ float, quantized }: Change): string =>
  factor(float / quantized, { same: "as quick", less: "quicker", more: "slower" });

interface Change {
  float: number;
  quantized: number;
}

function factor(ratio: number, words: { same: string; less: string; more: string }): string {
  if (!Number.isFinite(ratio) || ratio === 0) return NOTHING;
  if (Math.abs(ratio - 1) < 0.005) return words.same;
  return ratio > 1 ? `${decimals(ratio, 2)}× ${words.less}` : `${decimals(1 / ratio, 2)}× ${words.more}`;
}

/** 0.02 is 2 points. */
export function points(change: number): string {
  const text = decimals(change * 100, 2);
  return `${change > 0 && Number(text) !== 0 ? "+" : ""}${text} points`;
}
