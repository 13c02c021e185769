import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Row } from "../../bench/bench.ts";
import { WITHOUT_FASTAPI } from "../../bench/serving.ts";
import { ScriptProcess } from "../support/daemon-process.ts";

const RUN = fileURLToPath(new URL("../../bench/run.ts", import.meta.url));
const LIMIT_MS = 1_800_000;

/** One finite number above zero; JSON writes a NaN as null. */
const isFigure = (value: number | null): boolean => value !== null && Number.isFinite(value) && value > 0;

/** Goals are for a quiet machine; here it only matters that no bench rots. */
test(
  "every bench runs, and each of its lines is a row",
  async () => {
    const { code, stderr, stdout } = await new ScriptProcess(RUN, ["--quick", "--json"]).ended;
    expect(stderr.replace(`serving: ${WITHOUT_FASTAPI}\n`, "")).toBe("");
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Row & { on: object });
    for (const row of rows) {
      expect(row).toEqual({
        bench: expect.stringMatching(/./),
        case: expect.stringMatching(/./),
        unit: expect.stringMatching(/./),
        ours: expect.any(Number),
        theirs: row.theirs,
        ratio: row.ratio,
        goal: expect.stringMatching(/^[≥≤<] ?[\d.]+/),
        ok: expect.any(Boolean),
        on: expect.objectContaining({ machine: expect.any(String), commit: expect.any(String) }),
      });
      expect(row.ratio === null).toBe(row.theirs === null);
      if (row.theirs !== null) expect([row.theirs, row.ratio].map(isFigure)).toEqual([true, true]);
    }
    expect(rows.filter((row) => !isFigure(row.ours))).toEqual([]);
    expect(new Set(rows.map((row) => row.bench))).toEqual(new Set(await names()));
    expect(code).toBe(rows.every((row) => row.ok) ? 0 : 1);
  },
  LIMIT_MS,
);

/** A bench that is not there gets the list of those that are. */
async function names(): Promise<string[]> {
  const { code, stderr } = await new ScriptProcess(RUN, ["no-such-bench"]).ended;
  expect(code).toBe(1);
  return /^Error: benches: (.+)$/m.exec(stderr)?.[1]?.split(", ") ?? [];
}
