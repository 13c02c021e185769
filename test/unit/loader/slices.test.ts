import { describe, expect, test } from "vitest";
import { readsOf } from "../../../models/onnx/graph.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { planSlices } from "../../../runtime/loader/prepared/slices.ts";
import { matMulChain, resNet50 } from "../../support/big-models.ts";

/** Of each slice, in bytes. */
function weightBytes(model: ModelProto, slices: ReturnType<typeof planSlices>): number[] {
  const sizes = new Map(
    (model.graph?.initializer ?? []).map((tensor) => [tensor.name, tensor.rawData.byteLength]),
  );
  return slices.map(({ nodes }) => {
    const names = new Set(nodes.flatMap((node) => [...readsOf(node)]));
    return [...names].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
  });
}

describe("slices of weights", () => {
  test("a chain is cut evenly, with one tensor across each cut", () => {
    const model = matMulChain(12, 64);
    const slices = planSlices(model, 2 * 64 * 64 * 4);
    expect(slices.length).toBe(6);
    expect(slices.map(({ inputs }) => inputs.length)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(slices.flatMap(({ nodes }) => nodes)).toEqual(model.graph?.node);
  });

  test("a residual network is cut between its blocks where it can be", () => {
    const model = resNet50();
    const total = weightBytes(model, planSlices(model, Number.POSITIVE_INFINITY))[0] ?? 0;
    const slices = planSlices(model, total / 16);
    const bytes = weightBytes(model, slices);
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBe(total);
    // The largest tensor alone is 9.4 MB.
    expect(Math.max(...bytes)).toBeLessThan(12e6);
    expect(slices.length).toBeGreaterThan(8);
    expect(Math.max(...slices.map(({ inputs }) => inputs.length))).toBeLessThanOrEqual(3);
  });

  test("what a slice takes was made before it, and what is wanted later is among its outputs", () => {
    const model = resNet50();
    const slices = planSlices(model, 4e6);
    const made = new Set(["x"]);
    for (const { inputs, outputs } of slices) {
      for (const name of inputs) expect(made).toContain(name);
      for (const name of outputs) made.add(name);
    }
    expect(slices.at(-1)?.outputs).toEqual(["y"]);
  });

  test("without a place to cut it stays whole", () => {
    expect(planSlices(matMulChain(4, 8), Number.POSITIVE_INFINITY)).toHaveLength(1);
    expect(planSlices(matMulChain(1, 8), 1)).toHaveLength(1);
  });
});
