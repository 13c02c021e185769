import { describe, expect, test } from "vitest";
import type { ResultLog } from "../../services/mqtt/result-log.ts";
import type { NewResult } from "../../services/outbox/outbox.ts";
import { range, result } from "../support/results.ts";

export type AppendableLog = ResultLog & { append(result: NewResult): Promise<number> };

/** What every result log promises to whoever appends to it and whoever drains it. */
export function resultLogContract(name: string, make: () => Promise<AppendableLog>): void {
  describe(`result log: ${name}`, () => {
    test("numbers each pipeline from 1 without gaps, also when appends overlap", async () => {
      const log = await make();
      const tops = await Promise.all(range(1, 50).map((n) => log.append(result(n))));
      const sides = await Promise.all(range(1, 5).map((n) => log.append(result(n, { pipeline: "side" }))));
      expect(tops).toEqual(range(1, 50));
      expect(sides).toEqual(range(1, 5));
    });

    test("reads what was appended, in order, with seq inside the payload", async () => {
      const log = await make();
      await log.append(result(7, { verdict: "fail" }));
      const [row] = await log.read("mqtt", 10);
      expect(row).toMatchObject({ pipeline: "top", seq: 1, id: "top-7", verdict: "fail" });
      expect(JSON.parse(row?.payload ?? "")).toMatchObject({
        id: "top-7",
        seq: 1,
        recipe: { id: "sku9-top" },
      });
    });

    test("reads on behind a position, at most as many rows as asked for", async () => {
      const log = await make();
      await Promise.all(range(1, 10).map((n) => log.append(result(n))));
      const first = await log.read("mqtt", 4);
      const second = await log.read("mqtt", 4, first.at(-1)?.position);
      expect([...first, ...second].map(({ seq }) => seq)).toEqual(range(1, 8));
    });

    test("each sink has a cursor of its own, which only moves forward", async () => {
      const log = await make();
      await Promise.all(range(1, 6).map((n) => log.append(result(n))));
      const rows = await log.read("mqtt", 10);
      log.ack("mqtt", rows[3]?.position ?? 0);
      log.ack("mqtt", rows[1]?.position ?? 0);
      expect((await log.read("mqtt", 10)).map(({ seq }) => seq)).toEqual([5, 6]);
      expect((await log.read("mqtt", 10, rows[0]?.position)).map(({ seq }) => seq)).toEqual([5, 6]);
      expect((await log.read("other", 10)).length).toBe(6);
    });

    test("tells a listener about new rows that can be read, until it leaves", async () => {
      const log = await make();
      const seen: Promise<number>[] = [];
      const leave = log.onCommit(() => seen.push(log.read("mqtt", 10).then((rows) => rows.length)));
      await log.append(result(1));
      leave();
      await log.append(result(2));
      expect(seen.length).toBe(1);
      expect(await seen[0]).toBeGreaterThanOrEqual(1);
    });
  });
}
