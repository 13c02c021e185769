import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSourceModel } from "../../../cli/verbs/model/source-model.ts";
import { makeNode } from "../../../models/onnx/graph.ts";
import type { ValueInfoProto } from "../../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../../models/onnx/write-model.ts";
import { tinyModel, value } from "../../support/tiny-model.ts";
import { recordingContext } from "./recording-context.ts";

const DEFAULTS = { color: "rgb", mean: "0", std: "255", resize: "letterbox", pad: "114" };
const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-subject-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What is read of a bare file with these inputs. */
async function bare(inputs: ValueInfoProto[], values: Partial<typeof DEFAULTS & { size: string }> = {}) {
  const nodes = [makeNode("Relu", { name: "r", inputs: [inputs[0]?.name ?? ""], outputs: ["y"] })];
  const model = tinyModel({ opset: 13, inputs, nodes, outputs: [value("y")] });
  await writeFile(join(folder, "tiny.onnx"), encodeModel(model));
  return readSourceModel("tiny.onnx", { ...DEFAULTS, ...values }, recordingContext(folder).context);
}

describe("a bare file", () => {
  test("of NCHW", async () => {
    const { bundle, input, name } = await bare([value("x", [1, 3, 32, 48])]);
    expect([name, bundle]).toEqual(["tiny", undefined]);
    expect(input).toMatchObject({
      name: "x",
      dtype: "float32",
      layout: "NCHW",
      width: 48,
      height: 32,
      color: "rgb",
    });
    expect(input).toMatchObject({ mean: [0], std: [255], resize: "letterbox" });
  });

  test("of NHWC", async () => {
    const { input } = await bare([value("x", [1, 32, 48, 3])], { color: "bgr" });
    expect(input).toMatchObject({ layout: "NHWC", width: 48, height: 32, color: "bgr" });
  });

  test.each([
    [[1, 1, 32, 48], "NCHW"],
    [[1, 32, 48, 1], "NHWC"],
  ] as const)("of one channel, %j, is gray", async (dims, layout) => {
    expect((await bare([value("x", dims)])).input).toMatchObject({
      layout,
      width: 48,
      height: 32,
      color: "gray",
    });
  });

  test("of any size wants one", async () => {
    const open = [value("x", [-1, 3, -1, -1])];
    await expect(bare(open)).rejects.toThrow(code("ERR_USAGE"));
    expect((await bare(open, { size: "640x480" })).input).toMatchObject({ width: 640, height: 480 });
  });

  test("with three values of mean and std", async () => {
    const { input } = await bare([value("x", [1, 3, 8, 8])], { mean: "123.7,116,103.5", std: "58,57,57" });
    expect(input).toMatchObject({ mean: [123.7, 116, 103.5], std: [58, 57, 57] });
  });

  test("of several inputs is none of a picture", async () => {
    await expect(bare([value("x", [1, 3, 8, 8]), value("z", [1])])).rejects.toThrow(code("ERR_USAGE"));
  });

  test.each([
    ["a vector", [1, 10]],
    ["two channels", [1, 2, 8, 8]],
    ["several pictures at once", [8, 3, 32, 32]],
    ["a list of pictures", [1, 4, 3, 32, 32]],
  ])("of %s is none of a picture", async (_, dims) => {
    await expect(bare([value("x", dims)], { size: "8x8" })).rejects.toThrow(code("ERR_USAGE"));
  });

  test.each([
    { color: "cmyk" },
    { resize: "crop" },
    { mean: "1,2" },
    { mean: "" },
    { std: "a" },
    { std: "0" },
    { size: "640" },
    { size: "0x8" },
    { size: "640x480x3" },
  ])("does not take %j", async (values) => {
    await expect(bare([value("x", [1, 3, 8, 8])], values)).rejects.toThrow(code("ERR_USAGE"));
  });
});

test("a file that is not there", async () => {
  const { context } = recordingContext(folder);
  await expect(readSourceModel("none.onnx", DEFAULTS, context)).rejects.toThrow(code("ERR_MODEL_MISSING"));
});

test("a shipped model, by its name", async () => {
  const { bundle, input, name } = await readSourceModel(
    "pcb-aoi",
    DEFAULTS,
    recordingContext(folder).context,
  );
  expect([name, bundle?.manifest.name]).toEqual(["pcb-aoi", "pcb-aoi"]);
  expect(input).toMatchObject({ width: 640, height: 640, color: "gray" });
});
