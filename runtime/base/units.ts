const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, kB: 1e3, MB: 1e6, GB: 1e9 } as const;

/** `"250ms"`, `"1.5s"`, `"5m"`, `"12h"`, `"7d"` → milliseconds; undefined when it is none of them. */
export function parseDurationMs(text: string): number | undefined {
  return parse(text, MS);
}

/** `"64MiB"`, `"2GiB"`, `"500kB"`, `"100B"` → bytes; undefined when it is none of them. */
export function parseBytes(text: string): number | undefined {
  const bytes = parse(text, BYTES);
  return bytes === undefined ? undefined : Math.round(bytes);
}

/** The inverse of `parseDurationMs` in the largest unit that divides it: 30000 → `30s`, 1500 → `1500ms`. */
export const durationText = (ms: number): string => inLargestUnit(ms, MS);

/** The inverse of `parseBytes` in the largest binary unit that divides it: 67108864 → `64MiB`, 100 → `100B`. */
export const bytesText = (bytes: number): string =>
  inLargestUnit(bytes, { B: 1, KiB: BYTES.KiB, MiB: BYTES.MiB, GiB: BYTES.GiB });

/** Bytes for people: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"] as const) {
    if (bytes >= BYTES[unit]) return `${(bytes / BYTES[unit]).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}

function parse(text: string, units: Record<string, number>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const factor = match?.[2] !== undefined && Object.hasOwn(units, match[2]) ? units[match[2]] : undefined;
  return factor === undefined ? undefined : Number(match?.[1]) * factor;
}

function inLargestUnit(amount: number, units: Record<string, number>): string {
  const whole = Object.entries(units).findLast(([, factor]) => amount >= factor && amount % factor === 0);
  const [unit, factor] = whole ?? [Object.keys(units)[0], 1];
  return `${amount / factor}${unit}`;
}
