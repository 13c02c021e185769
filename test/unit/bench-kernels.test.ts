import { describe, expect, test } from "vitest";
import { CASES } from "../../bench/kernels/cases.ts";
import { sharpPeer } from "../../bench/kernels/sharp.ts";
import { openKernels } from "../../runtime/native/index.ts";

/** Every number of a result, whatever it is made of. */
function numbersOf(result: unknown): Float64Array {
  if (ArrayBuffer.isView(result)) return Float64Array.from(result as Float32Array);
  const columns = Object.entries(result as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return Float64Array.from(columns.flatMap(([, column]) => [...numbersOf(column)]));
}

/** Mean of how far apart they are, in shares of what they are. */
function apart(ours: unknown, theirs: unknown): number {
  const [a, b] = [numbersOf(ours), numbersOf(theirs)];
  expect(b.length).toBe(a.length);
  const sum = (of: (i: number) => number) => a.reduce((total, _, i) => total + Math.abs(of(i)), 0);
  return sum((i) => (a[i] ?? 0) - (b[i] ?? 0)) / sum((i) => a[i] ?? 0);
}

describe.each(CASES.map((c) => [`${c.kernel} ${c.name}`, c] as const))("%s", (_, c) => {
  // Of pictures that are all edges it matters whether whole pixels or exact areas count, and when colours are cut. A step of
  // a quantized tensor may fall on the other side of a half.
  const most = { rgb24: 0.15, nv12: 0.5, none: 5e-3 }[c.picture?.format ?? "none"];

  test("those that are compared do the same work", async () => {
    const ours = await c.ours(openKernels())();
    expect(apart(ours, c.javascript()())).toBeLessThanOrEqual(most);
    expect(apart(ours, c.fastJavascript()())).toBeLessThanOrEqual(most);
    if (c.picture) expect(apart(ours, await sharpPeer(c.picture)())).toBeLessThanOrEqual(most);
  });
});
