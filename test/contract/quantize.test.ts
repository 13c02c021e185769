import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { openKernels } from "../../runtime/native/index.ts";
import type { ModelInput } from "../../runtime/pipeline/preprocess.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { Reference } from "../../toolchain/quantize/agreement.ts";
import { fileFeeds } from "../../toolchain/quantize/calibrate/images.ts";
import type { QuantizeJob } from "../../toolchain/quantize/job.ts";
import { type Quantized, quantize } from "../../toolchain/quantize/quantize.ts";
import { htmlReport } from "../../toolchain/report/html.ts";
import { chainModel, noise } from "../support/chain-model.ts";
import { MODELS, startProvider } from "../support/models.ts";
import { REAL_MODELS } from "../support/real-models.ts";
import { tinyModel, value } from "../support/tiny-model.ts";

const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const provider = startProvider(2);
afterAll(() => provider.close());

async function* each(inputs: Iterable<NamedTensors>): AsyncGenerator<NamedTensors> {
  yield* inputs;
}

/** Quantizes on the way that is quickest: one method, and no search unless `minSqnrDb` asks for one. */
function run(
  model: ModelProto,
  inputs: readonly NamedTensors[],
  more: Partial<QuantizeJob> = {},
): Promise<Quantized> {
  const job: QuantizeJob = {
    name: "tiny",
    model,
    target: "any",
    runsHere: true,
    machine: "this one",
    precision: "int8",
    calibration: { inputs: () => each(inputs), count: inputs.length },
    heldOut: inputs.slice(0, 4),
    method: { method: "minmax" },
    minSqnrDb: 5,
    ...more,
  };
  return quantize({ provider, onProgress: () => {} }, job);
}

const inputs = Array.from({ length: 6 }, (_, i) => noise(32, 32, i + 1));
const tiny = chainModel([8, 8, 8, 4]);

describe("MobileNetV1 on pictures", () => {
  let result: Quantized;
  let feeds: NamedTensors[];

  beforeAll(async () => {
    const input: ModelInput = {
      ...{ name: "data", dtype: "float32", layout: "NCHW", width: 128, height: 128 },
      ...{ color: "rgb", resize: "stretch", pad_value: 0, mean: [127.5], std: [127.5] },
    };
    const model = await readModel(MODELS.mobilenetV1);
    const [name = ""] = new Graph(model).inputs;
    const folder = join(REAL_MODELS.pcbAoi, "..", "samples", "images");
    const files = readdirSync(folder)
      .sort()
      .slice(0, 12)
      .map((file) => join(folder, file));
    const kernels = openKernels();
    feeds = await Array.fromAsync(
      files,
      async (file) => (await fileFeeds(kernels, { ...input, name }, file)).feeds,
    );
    result = await run(model, feeds, { minSqnrDb: 8 });
  });

  test("says what the model is like that it gives", async () => {
    const { calibration, model, report } = result;
    expect(report.size_bytes.quantized).toBe(encodeModel(model).byteLength);
    expect(report.size_bytes.quantized).toBeLessThan(report.size_bytes.float / 2);
    expect(report.images).toEqual({ calibration: 12, held_out: 2 });
    expect(calibration?.images).toBe(12);
    expect(report.layers).toHaveLength(28);
    expect(report.fusion?.integer.QLinearConv).toBe(28);
    expect(report.fusion?.left).toEqual({});
  });

  test("measures on the half of the held-out pictures that chose nothing", async () => {
    const { model, report } = result;
    const [, second, , fourth] = feeds;
    const judging = [second, fourth].filter((f) => f !== undefined);
    const reference = await Reference.of(provider, await readModel(MODELS.mobilenetV1), judging);
    const agreement = await reference.compare(model);
    expect(report.agreement.sqnr_db).toBeCloseTo(agreement.sqnrDb, 1);
    expect(Object.keys(report.agreement.outputs)).toEqual(new Graph(model).outputs);
  });

  test("refuses it where it is slower or too far off, and only then", () => {
    const { agreement, latency_ms, refused } = result.report;
    const isSlower = (latency_ms?.quantized ?? 0) > (latency_ms?.float ?? 0);
    expect(refused.some((reason) => reason.startsWith("slower"))).toBe(isSlower);
    expect(refused.some((reason) => reason.includes("SQNR"))).toBe(agreement.sqnr_db < 8);
    expect(refused.length).toBeLessThanOrEqual(2);
  });

  test("every layer was measured, and its histogram is whole", () => {
    for (const { histogram, precision, range, seen, sqnr_db, weights_bytes } of result.report.layers) {
      expect(precision).toBe("int8");
      expect(sqnr_db).toBeGreaterThan(5);
      expect(weights_bytes).toBeGreaterThan(0);
      expect(histogram.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(range?.max).toBeLessThanOrEqual(Math.max(0, seen?.max ?? 0));
    }
  });

  test("is a page that can be read", () => {
    expect(htmlReport(result.report)).not.toMatch(/undefined|NaN|null/);
  });
});

describe("a job", () => {
  test("whose target is beyond int8 leaves all float, and refuses that", async () => {
    const { report } = await run(tiny, inputs, { minSqnrDb: 200 });
    expect(report.refused).toContain("outputs have 120.0 dB SQNR, required are 200");
    expect(report.layers.map(({ precision }) => precision)).toEqual(["float", "float", "float", "float"]);
    expect(report.layers.map(({ sqnr_db, range }) => [sqnr_db, range])).toEqual(Array(4).fill([null, null]));
    expect(report.fusion?.integer).toEqual({});
  });

  test("whose target needs some layers in float has just as many there", async () => {
    const { report: all } = await run(tiny, inputs);
    const minSqnrDb = all.agreement.sqnr_db + 1.5;
    const { report } = await run(tiny, inputs, { minSqnrDb });
    const float = report.layers.filter(({ precision }) => precision === "float").map(({ name }) => name);
    expect(float.length).toBeGreaterThan(0);
    expect(float.length).toBeLessThan(4);
    expect(report.settings.float_layers).toEqual(expect.arrayContaining(float));
    expect(report.fusion?.integer.QLinearConv).toBe(4 - float.length);
    expect(report.agreement.sqnr_db).toBeGreaterThan(all.agreement.sqnr_db + 1);
    // What runs on codes is measured, also where nothing but a float layer reads it.
    for (const { precision, sqnr_db } of report.layers) expect(sqnr_db === null).toBe(precision === "float");
  });

  test("whose score drops leaves layers float until it holds", async () => {
    const of = async ({ graph }: ModelProto) => {
      const isQuantized = graph?.node.some(({ opType }) => opType === "QuantizeLinear");
      return { metric: "top1" as const, score: isQuantized ? 0.5 : 0.9 };
    };
    const { report } = await run(tiny, inputs, { score: { of, maxDrop: 0.01 } });
    expect(report.score).toEqual({ metric: "top1", float: 0.9, quantized: 0.9 });
    expect(report.layers.every(({ precision }) => precision === "float")).toBe(true);
    expect(report.refused.filter((reason) => reason.includes("drops"))).toEqual([]);
  });

  test("whose score never holds is refused, and says by how much", async () => {
    let float: ModelProto | undefined;
    const of = async (model: ModelProto) => {
      float ??= model;
      return { metric: "top1" as const, score: model === float ? 0.9 : 0.5 };
    };
    const { report } = await run(tiny, inputs, { score: { of, maxDrop: 0.01 } });
    expect(report.refused).toContain("top1 drops by 40.00 points, allowed are 1");
  });

  test("for another machine says nothing of time and of what this one fuses", async () => {
    const { report } = await run(tiny, inputs, { target: "linux-arm64", runsHere: false });
    expect([report.latency_ms, report.fusion]).toEqual([null, null]);
    expect(report.refused).toEqual([]);
    expect(report.agreement.sqnr_db).toBeGreaterThan(20);
  });

  test("with nothing to quantize is an error", async () => {
    const model = tinyModel({
      opset: 13,
      inputs: [value("x", [1, 3, -1, -1])],
      outputs: [value("y")],
      nodes: [makeNode("Relu", { name: "r", inputs: ["x"], outputs: ["y"] })],
    });
    await expect(run(model, inputs)).rejects.toThrow(code("ERR_QUANTIZE_REFUSED"));
  });
});
