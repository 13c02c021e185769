import { describe, expect, it } from "vitest";
import { flowOf } from "../../../models/onnx/flow.ts";
import { Graph } from "../../../models/onnx/graph.ts";
import { floatTensor } from "../../../models/onnx/tensor.ts";
import { weightBytesBefore } from "../../../toolchain/split/costs.ts";
import { activeBytes, cutsOf } from "../../../toolchain/split/liveness.ts";
import { planCuts } from "../../../toolchain/split/planner.ts";
import type { MeasuredTensor, Shapes } from "../../../toolchain/split/shapes.ts";
import { node, type SmallModel, smallModel } from "../onnx/small-model.ts";

const refused = (message: string) =>
  expect.objectContaining({ code: "ERR_MODEL_SPLIT", message: expect.stringContaining(message) });
const weights = (name: string, floats: number) => floatTensor(name, [floats], new Float32Array(floats));

/** Every tensor has 100 bytes, those of `bytes` as many as it says. */
function input(model: SmallModel, bytes: Record<string, number> = {}) {
  const flow = flowOf(new Graph(smallModel(model)));
  const names = ["x", ...model.nodes.flatMap(({ output }) => output)];
  const shapes: Shapes = new Map(
    names.map((name) => [name, { bytes: bytes[name] ?? 100 } as MeasuredTensor]),
  );
  const cuts = cutsOf(flow, shapes, () => true);
  return { flow, cuts, activeBytes: activeBytes(flow, shapes), durationUs: new Map<string, number>() };
}

/** x → a → b → c → y, with weights of 4 bytes a float. */
function chain(floats: number[], bytes: Record<string, number> = {}) {
  const names = ["x", "a", "b", "c", "y"];
  return input(
    {
      nodes: floats.map((_, i) => node("MatMul", [names[i] ?? "", `w${i}`], names[i + 1] ?? "")),
      initializers: floats.map((count, i) => weights(`w${i}`, count)),
    },
    bytes,
  );
}

describe("where a graph can be cut", () => {
  it("is between any two steps of a chain, and never counts the model's inputs", () => {
    const { cuts } = chain([1, 1, 1, 1], { b: 7 });
    expect(cuts).toEqual([
      { at: 1, tensors: ["a"], bytes: 100 },
      { at: 2, tensors: ["b"], bytes: 7 },
      { at: 3, tensors: ["c"], bytes: 100 },
    ]);
  });

  it("is not where more than six tensors cross, nor where one is not whole", () => {
    const inner = Array.from({ length: 7 }, (_, i) => `t${i}`);
    const nodes = [...inner.map((name) => node("Neg", ["x"], name)), node("Concat", inner, "y")];
    expect(input({ nodes }).cuts.map(({ tensors }) => tensors.length)).toEqual([1, 2, 3, 4, 5, 6]);
    const { flow } = input({ nodes });
    expect(cutsOf(flow, new Map(), (name) => name !== "t0")).toEqual([]);
  });

  it("is not before an activation, an average, or the addition of what is there already", () => {
    const nodes = [
      node("Conv", ["x", "w"], "a"),
      node("Relu", ["a"], "b"),
      node("Conv", ["b", "w"], "c"),
      node("Add", ["b", "c"], "d"),
      node("GlobalAveragePool", ["d"], "y"),
    ];
    const { cuts } = input({ nodes, initializers: [weights("w", 1)] });
    expect(cuts.map(({ at }) => at)).toEqual([2]);
  });

  it("moves outputs that are listed at the end to where they are made", () => {
    const nodes = [
      node("Neg", ["x"], "a"),
      node("Abs", ["a"], "b"),
      node("Exp", ["b"], "y"),
      node("Identity", ["a"], "z"),
    ];
    const { cuts, flow } = input({ nodes, outputs: ["y", "z"] });
    expect(flow.steps.map((step) => step.node.name)).toEqual(["a", "z", "b", "y"]);
    expect(cuts.at(-1)).toMatchObject({ at: 3, tensors: ["b"] });
  });

  it("lets what depends on no input, and DequantizeLinear, come along with its readers", () => {
    const nodes = [
      node("Neg", ["w"], "v"),
      node("QuantizeLinear", ["x", "s"], "q"),
      node("DequantizeLinear", ["q", "s"], "d"),
      node("Conv", ["d", "v"], "a"),
      node("Add", ["a", "d"], "y"),
    ];
    const { cuts, flow } = input({ nodes, initializers: [weights("w", 5), weights("s", 1)] });
    expect(flow.steps.map((step) => step.node.name)).toEqual(["q", "a", "y"]);
    expect([...(flow.steps[1]?.reads ?? [])]).toEqual(["q"]);
    expect(Object.fromEntries(flow.steps[1]?.weights ?? [])).toEqual({ w: 20, s: 4 });
    expect(cuts.map(({ tensors }) => tensors)).toEqual([["q"], ["q", "a"]]);
    expect([1, 2, 3].map((at) => weightBytesBefore(flow, at))).toEqual([4, 24, 24]);
  });
});

describe("planCuts", () => {
  const at = (plan: ReturnType<typeof planCuts>) => plan.map((cut) => cut.at);

  it("shares out the weights", () => {
    expect(at(planCuts(chain([100, 100, 100, 100]), { stages: 2 }))).toEqual([2]);
    expect(at(planCuts(chain([300, 100, 100, 100]), { stages: 2 }))).toEqual([1]);
    expect(at(planCuts(chain([1, 1, 1, 1]), { stages: 4 }))).toEqual([1, 2, 3]);
    expect(planCuts(chain([1, 1, 1, 1]), { stages: 1 })).toEqual([]);
  });

  it("shares out the time where there are no weights", () => {
    const durationUs = new Map([
      ["a", 90],
      ["b", 10],
      ["c", 10],
      ["y", 10],
    ]);
    expect(at(planCuts({ ...chain([0, 0, 0, 0]), durationUs }, { stages: 2 }))).toEqual([1]);
  });

  it("takes the narrower of two cuts that are alike", () => {
    const even = chain([100, 1, 1, 100], { a: 1000, b: 1000, c: 10 });
    expect(at(planCuts(even, { stages: 2 }))).toEqual([3]);
  });

  it("takes the fewest stages that keep within a budget, with the next stage's weights", () => {
    // Weights of 400 bytes each; at most three tensors of 100 bytes are alive.
    const plan = (budgetBytes: number) => at(planCuts(chain([100, 100, 100, 100]), { budgetBytes }));
    expect(plan(2000)).toEqual([]);
    expect(plan(1600)).toHaveLength(2);
    expect(plan(1000)).toEqual([1, 2, 3]);
    expect(() => plan(999)).toThrow(
      refused("a budget of 999 B is not possible: even in 4 stages one takes 1000 B"),
    );
  });

  it.each([0, 5, 65])("refuses %d stages", (stages) => {
    expect(() => planCuts(chain([1, 1, 1, 1]), { stages })).toThrow(refused("only 1 to 4"));
  });
});
