import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { batchRuns } from "../../runtime/pipeline/batch-runs.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import type { HeldSlot, Session } from "../../runtime/session/execution-provider.ts";
import { randomFeeds } from "../../runtime/tensor/random-feeds.ts";
import { isStackable } from "../../runtime/tensor/stack.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";

const MODEL = join(import.meta.dirname, "../../models/zoo/pcb-aoi/pcb-aoi.onnx");

async function opened(): Promise<Session> {
  const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1 });
  provider.start();
  onTestFinished(() => provider.close());
  return provider.load(MODEL);
}

const picture = (seed: number): { feeds: NamedTensors } => ({
  feeds: randomFeeds([{ name: "image", dtype: "float32", dims: [1, 1, 640, 640] }], {}, seed),
});

/** Counts the runs of a session, and how many rows each had. */
function counted(session: Session) {
  const rows: number[] = [];
  const run: Session["run"] = (slot, feeds, options) => {
    rows.push(feeds.image?.dims[0] ?? 0);
    return session.run(slot, feeds, options);
  };
  return { rows, session: { ...session, inputs: session.inputs, outputs: session.outputs, run } as Session };
}

const SLOT = { slot: 0, without: <T>(work: Promise<T>) => work } satisfies HeldSlot;

test("a batch of pictures is one run, and each has what it would have alone", async () => {
  const whole = await opened();
  expect(isStackable(whole)).toBe(true);
  const { rows, session } = counted(whole);
  const requests = [1, 2, 3].map(picture);
  const together = await batchRuns(session, { mayStack: true, runLimitMs: 20_000 })(SLOT, requests);
  expect(rows).toEqual([3]);
  const apart = await batchRuns(session, { mayStack: false, runLimitMs: 20_000 })(SLOT, requests);
  expect(rows).toEqual([3, 1, 1, 1]);
  for (const [i, made] of together.entries()) {
    for (const [name, tensor] of Object.entries(made)) {
      const alone = apart[i]?.[name];
      expect(tensor.dims).toEqual(alone?.dims);
      const off = Array.from(tensor.data as Float32Array, (v, k) => Math.abs(v - Number(alone?.data[k])));
      expect(Math.max(...off.values().take(100_000))).toBeLessThan(1e-3);
    }
  }
});

test("outputs whose first dimension is not the batch's: each is run alone, and so are all that follow", async () => {
  const { rows, session } = counted(await opened());
  const odd = {
    ...session,
    run: async (...args: Parameters<Session["run"]>) => {
      await session.run(...args);
      return { found: { dtype: "float32", dims: [7, 1], data: new Float32Array(7) } };
    },
  } as Session;
  const run = batchRuns(odd, { mayStack: true, runLimitMs: 20_000 });
  expect(await run(SLOT, [picture(1), picture(2)])).toHaveLength(2);
  expect(rows).toEqual([2, 1, 1]);
  await run(SLOT, [picture(1), picture(2)]);
  expect(rows).toEqual([2, 1, 1, 1, 1]);
});
