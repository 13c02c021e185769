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
