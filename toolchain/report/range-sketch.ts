import { html, type Markup } from "./markup.ts";
import type { LayerReport } from "./report.ts";

/** Of the drawing, in units of its own. */
const [WIDTH, HEIGHT] = [160, 30];
/** The smallest share that is still seen: most values are near 0, and the tails are what a range is judged by. */
const SHARE_MIN = 1e-6;

/** A layer's histogram with the range of its codes as a band; nothing where nothing was seen. */
export function rangeSketch({ histogram, range, seen }: LayerReport): Markup {
  if (!seen || histogram.length === 0) return html``;
  const low = Math.min(seen.min, range?.min ?? seen.min);
  const high = Math.max(seen.max, range?.max ?? seen.max);
  const x = (value: number): number => round((WIDTH * (value - low)) / (high - low || 1));
  const isClipped = (value: number): boolean => range !== null && (value < range.min || value > range.max);
  const band = range
    ? html`<rect class="band" x="${x(range.min)}" y="0" width="${round(x(range.max) - x(range.min))}" height="${HEIGHT}"/>`
    : html``;
  const step = (seen.max - seen.min) / histogram.length;
  const bars = histogram.map((share, i) => {
    const from = seen.min + i * step;
    const kind = isClipped(from + step / 2) ? "clipped" : "coded";
    return share > 0 ? bar(share, { x: x(from), width: round(x(from + step) - x(from)), kind }) : html``;
  });
  return html`<svg class="range" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">${band}${bars}</svg>`;
}

function bar(share: number, { kind, width, x }: { kind: string; width: number; x: number }): Markup {
  const height = round(HEIGHT * Math.max(0.05, 1 - Math.log(share) / Math.log(SHARE_MIN)));
  return html`<rect class="${kind}" x="${x}" y="${round(HEIGHT - height)}" width="${Math.max(0.5, width)}" height="${height}"/>`;
}

const round = (value: number): number => Math.round(value * 100) / 100;
