import { describe, expect, test } from "vitest";
import { SharedRuns } from "../../../runtime/loader/shared-runs.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";

const tensors: NamedTensors = { y: { dtype: "float32", dims: [1], data: new Float32Array(1) } };

function counting() {
  const counts = { runs: 0 };
  const run = async () => {
    counts.runs++;
    return tensors;
  };
  return { counts, run };
}

describe("a stage that several models share", () => {
  test("runs once for all of them", async () => {
    const { counts, run } = counting();
    const shared = new SharedRuns(() => 3);
    const key = {};
    const made = await Promise.all([1, 2, 3].map(() => shared.run(key, "a", run)));
    expect(made).toEqual([tensors, tensors, tensors]);
    expect(counts.runs).toBe(1);
  });

  test("runs again for the next frame, and for another way to it", async () => {
    const { counts, run } = counting();
    const shared = new SharedRuns(() => 2);
    const key = {};
    await shared.run(key, "a", run);
    await shared.run(key, "b", run);
    await shared.run({}, "a", run);
    expect(counts.runs).toBe(3);
  });

  test("what all have taken is kept no longer", async () => {
    const { counts, run } = counting();
    const shared = new SharedRuns(() => 2);
    const key = {};
    for (let i = 0; i < 4; i++) await shared.run(key, "a", run);
    expect(counts.runs).toBe(2);
  });

  test("a model alone shares nothing", async () => {
    const { counts, run } = counting();
    const shared = new SharedRuns(() => 1);
    const key = {};
    await shared.run(key, "a", run);
    await shared.run(key, "a", run);
    expect(counts.runs).toBe(2);
  });

  test("a failure is that of whoever began; the others run by themselves", async () => {
    const { counts, run } = counting();
    const shared = new SharedRuns(() => 2);
    const key = {};
    const first = shared.run(key, "a", () => Promise.reject(new Error("cancelled")));
    const second = shared.run(key, "a", run);
    await expect(first).rejects.toThrow("cancelled");
    await expect(second).resolves.toBe(tensors);
    expect(counts.runs).toBe(1);
  });
});
