import { describe, expect, it } from "vitest";
import { Graph } from "../../../models/onnx/graph.ts";
import { floatTensor } from "../../../models/onnx/tensor.ts";
import { node, smallModel } from "./small-model.ts";

const w = floatTensor("w", [1], Float32Array.of(1));

describe("Graph", () => {
  it("tells inputs from initializers, and who makes and reads what", () => {
    const nodes = [node("Add", ["x", "w"], "a"), node("Mul", ["a", "a"], "y")];
    const graph = new Graph(smallModel({ nodes, inputs: ["x", "w"], initializers: [w] }));
    expect(graph.inputs).toEqual(["x"]);
    expect(graph.outputs).toEqual(["y"]);
    expect(graph.producer("a")).toBe(nodes[0]);
    expect(graph.consumers("a")).toEqual([nodes[1]]);
    expect(graph.initializer("w")).toBe(w);
    expect([graph.isOutput("y"), graph.isOutput("a"), graph.opset(), graph.opset("other")]).toEqual([
      true,
      false,
      17,
      0,
    ]);
  });

  it("sorts producers before consumers and leaves the rest as it stands", () => {
    const nodes = [
      node("Neg", ["b"], "y"),
      node("Neg", ["x"], "a"),
      node("Abs", ["x"], "c"),
      node("Neg", ["a"], "b"),
    ];
    const graph = new Graph(smallModel({ nodes }));
    graph.sort();
    expect(graph.nodes.map(({ name }) => name)).toEqual(["a", "c", "b", "y"]);
  });

  it("replaces what nodes read, except where told, and keeps the graph's outputs", () => {
    const nodes = [node("Neg", ["x"], "a"), node("Abs", ["a"], "b"), node("Add", ["a", "b"], "y")];
    const graph = new Graph(smallModel({ nodes, outputs: ["y", "a"] }));
    graph.replaceUses("a", "x", new Set(nodes.slice(1, 2)));
    expect(graph.nodes.map(({ input }) => input)).toEqual([["x"], ["a"], ["x", "b"]]);
    expect(graph.outputs).toEqual(["y", "a"]);
    expect(graph.consumers("x")).toEqual([nodes[0], nodes[2]]);
  });

  it("gives names that are free, once each", () => {
    const graph = new Graph(smallModel({ nodes: [node("Neg", ["x"], "y")] }));
    expect([graph.uniqueName("y"), graph.uniqueName("y"), graph.uniqueName("z")]).toEqual([
      "y_2",
      "y_3",
      "z",
    ]);
  });

  it("adds and removes nodes and initializers, from the inputs too", () => {
    const graph = new Graph(
      smallModel({ nodes: [node("Add", ["x", "w"], "y")], inputs: ["x", "w"], initializers: [w] }),
    );
    const added = graph.add(node("Neg", ["y"], "z"));
    expect(graph.consumers("y")).toEqual([added]);
    graph.remove(new Set([added]));
    graph.removeInitializers(new Set(["w"]));
    expect([graph.consumers("y"), graph.initializer("w"), graph.proto.input.length]).toEqual([
      [],
      undefined,
      1,
    ]);
  });
});
