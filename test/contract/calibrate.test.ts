import { afterAll, describe, expect, test } from "vitest";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { memoryUse } from "../../runtime/native/index.ts";
import { floats, type NamedTensors } from "../../runtime/tensor/tensor.ts";
import { withOutputs } from "../../toolchain/passes/with-outputs.ts";
import { type Calibration, calibrate } from "../../toolchain/quantize/calibrate/calibrate.ts";
import { Histogram } from "../../toolchain/quantize/calibrate/histogram.ts";
import { Observer } from "../../toolchain/quantize/calibrate/observe.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { chainModel, noise } from "../support/chain-model.ts";
import { startProvider } from "../support/models.ts";
import { runModel } from "../support/run-model.ts";

const SEED = 20_261_126;
const MIB = 2 ** 20;
const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const provider = startProvider(1);
afterAll(() => provider.close());

async function* each(inputs: Iterable<NamedTensors>): AsyncGenerator<NamedTensors> {
  yield* inputs;
}

const planOf = (model: ModelProto) => planQuantization(new Graph(model), { reach: "all" });

const calibrated = (model: ModelProto, inputs: Iterable<NamedTensors>): Promise<Calibration> =>
  calibrate(provider, { model, plan: planOf(model) }, each(inputs));

/** The same, from whole runs whose results are all there at once. */
async function directly(model: ModelProto, names: readonly string[], inputs: readonly NamedTensors[]) {
  const histograms = new Map(names.map((name) => [name, new Histogram(name)]));
  const inside = withOutputs(
    model,
    names.filter((name) => name !== "x"),
  );
  for (const feeds of inputs) {
    const results = { ...feeds, ...(await runModel(provider, inside, feeds, { optimization: "basic" })) };
    for (const [name, histogram] of histograms) histogram.add(floats(results[name], name));
  }
  return histograms;
}

const NAMES = ["x", "r0", "r1", "y"];
const model = chainModel([8, 8, 4]);

describe.each([
  ["of one size", [noise(24, 32, SEED), noise(24, 32, SEED + 1), noise(24, 32, SEED + 2)]],
  [
    "of sizes that change and come again",
    [
      [24, 32],
      [24, 32],
      [16, 48],
      [8, 8],
      [24, 32],
    ].map(([h = 1, w = 1], i) => noise(h, w, SEED + i)),
  ],
])("inputs %s (seed 20261126)", (_, inputs) => {
  test("give the histograms of a direct computation", async () => {
    const { histograms, images } = await calibrated(model, inputs);
    expect(images).toBe(inputs.length);
    expect([...histograms.keys()].sort()).toEqual(NAMES.toSorted());
    const wanted = await directly(model, NAMES, inputs);
    for (const [name, histogram] of histograms) expect(histogram).toEqual(wanted.get(name));
  });

  test("give the mean of each channel that a Conv reads", async () => {
    const { means } = await calibrated(model, inputs);
    expect([...means.keys()].sort()).toEqual(["r0", "r1", "x"]);
    const first = inputs.flatMap(({ x }) => [...floats(x, "x").subarray(0, floats(x, "x").length / 3)]);
    expect(means.get("x")?.[0]).toBeCloseTo(first.reduce((sum, v) => sum + v, 0) / first.length, 5);
    expect(means.get("r1")).toHaveLength(8);
  });
});

test("tensors that do not fit into one run are seen in several of the same input", async () => {
  // 10 channels of 1024² floats: 40 MiB each, so no two of them.
  const wide = chainModel([10, 10, 1]);
  const [feeds] = [noise(1024, 1024, SEED)];
  const observer = new Observer(provider, wide);
  const seen = new Map<string, number>();
  try {
    await observer.open(["x", "r0", "r1"], feeds);
    await observer.run(feeds, (name, values) =>
      seen.set(
        name,
        values.reduce((sum, v) => sum + v, 0),
      ),
    );
  } finally {
    await observer.close();
  }
  expect([...seen.keys()]).toEqual(["x", "r0", "r1"]);
  const results = await runModel(provider, withOutputs(wide, ["r0", "r1"]), feeds, { optimization: "basic" });
  for (const [name, tensor] of Object.entries(results))
    expect(seen.get(name)).toBe(floats(tensor, name).reduce((sum, v) => sum + v, 0));
});

test("200 inputs take the memory of a few", async () => {
  // Were results kept, there would be 1 MiB more with each input.
  const feeds = noise(96, 96, SEED);
  const [sizes, begin, end]: [number[], number, number] = [[], 50, 200];
  function* inputs(): Generator<NamedTensors> {
    for (let i = 0; i <= end; i++) {
      sizes[i] = process.memoryUsage().rss + memoryUse().bytes;
      yield feeds;
    }
  }
  const { images } = await calibrated(chainModel([16, 16, 4]), inputs());
  expect(images).toBe(end + 1);
  expect(((sizes[end] ?? 0) - (sizes[begin] ?? 0)) / MIB).toBeLessThan(64);
});

describe("errors", () => {
  test("no inputs", async () => {
    await expect(calibrated(model, [])).rejects.toThrow(code("ERR_QUANTIZE_RANGE"));
  });

  test("NaN in an input, and so in all behind it", async () => {
    const broken = noise(8, 8, SEED);
    broken.x?.data.fill(Number.NaN as never);
    await expect(calibrated(model, [broken])).rejects.toThrow(code("ERR_QUANTIZE_RANGE"));
  });

  test("of the inputs themselves come through", async () => {
    async function* failing(): AsyncGenerator<NamedTensors> {
      yield noise(8, 8, SEED);
      throw new Error("no more pictures");
    }
    await expect(calibrate(provider, { model, plan: planOf(model) }, failing())).rejects.toThrow(
      "no more pictures",
    );
  });
});
