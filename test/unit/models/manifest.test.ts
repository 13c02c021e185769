import { describe, expect, it } from "vitest";
import { parseManifest } from "../../../models/bundle/manifest.ts";
import { manifest } from "./manifest.ts";

const parse = (value: unknown) => parseManifest(JSON.stringify(value), "manifest.json");

/** `value` with what stands at the dotted path replaced; undefined removes it. */
function changed(path: string, replacement: unknown): unknown {
  const value = manifest();
  const keys = path.split(".");
  const parent = keys.slice(0, -1).reduce<object>((inside, key) => Reflect.get(inside, key), value);
  Reflect.set(parent, keys.at(-1) ?? "", replacement);
  return value;
}

describe("parseManifest", () => {
  it("fills in defaults", () => {
    expect(parse(manifest())).toEqual({
      ...manifest(),
      input: { ...manifest().input, pad_value: 114, mean: [0], std: [255] },
      decoder: { ...manifest().decoder, nms_iou: 0.4 },
    });
  });

  it.each([
    [{ type: "yolov5", output: "o" }, { nms_iou: 0.45 }],
    [{ type: "yolov8", output: "o", nms_iou: 0.5 }, {}],
    [{ type: "end2end", output: "o" }, {}],
    [{ type: "classifier", output: "o" }, { activation: "none" }],
    [{ type: "fastestdet", output: "o" }, { nms_iou: 0.45 }],
  ])("knows the decoder %j", (decoder, defaults) => {
    expect(parse({ ...manifest(), decoder }).decoder).toEqual({ ...decoder, ...defaults });
  });

  it.each<[path: string, value: unknown, message: string]>([
    [
      "schema",
      "sightline.model/2",
      'schema: must be "sightline.model/1", not the text "sightline.model/2", did you mean "sightline.model/1"?',
    ],
    ["input.colour", "gray", 'input.colour: unknown key "colour", did you mean "color"?'],
    ["input.width", undefined, 'input.width: missing key "width", it takes a whole number from 8 to 16384'],
    ["input.width", 7, "input.width: must be a whole number from 8 to 16384, not the number 7"],
    [
      "input.layout",
      "NWHC",
      'input.layout: must be "NCHW" or "NHWC", not the text "NWHC", did you mean "NHWC"?',
    ],
    ["input.mean", [1, 2, 3], 'input.mean: must have one entry for color "gray"'],
    ["input.std", [1, 1, 1, 1], "input.std: must be a list of 1 to 3 entries, not a list"],
    ["input.std", [0], "input.std[0]: must be a number above 0, not the number 0"],
    ["input.dtype", "int8", "input.quantization: is needed for int8"],
    ["input.quantization", { scale: 1, zero_point: 0 }, "input.quantization: is only for uint8 or int8"],
    ["input.name", "", 'input.name: must be text that is not empty, not the text ""'],
    [
      "decoder.type",
      "yolo5",
      'decoder.type: must be "heatmap", "yolov5", "yolov8", "end2end", "classifier", "fastestdet", "yolov8-seg", "yolov8-pose", "segmentation", "anomaly" or "embedding", not the text "yolo5", did you mean "yolov5"?',
    ],
    [
      "decoder.type",
      undefined,
      'decoder.type: missing key "type", it takes "heatmap", "yolov5", "yolov8", "end2end", "classifier", "fastestdet", "yolov8-seg", "yolov8-pose", "segmentation", "anomaly" or "embedding"',
    ],
    [
      "decoder.output",
      "o",
      'decoder.output: unknown key "output", known here: type, heatmap, boxes, stride, nms_iou',
    ],
    ["version", "1.0", 'version: must be a version such as "1.0.0", not the text "1.0"'],
    [
      "labels",
      [],
      "labels: must be a relative path inside the bundle, with / and without .. or a list with at least one entry, not an empty list",
    ],
    [
      "labels",
      null,
      "labels: must be a relative path inside the bundle, with / and without .. or a list with at least one entry, but nothing is written here",
    ],
    ["variants", [], "variants: must be a list with at least one entry, not an empty list"],
    [
      "variants.0.stages.0.sha256",
      "abc",
      'variants[0].stages[0].sha256: must be a sha256 of 64 lower-case hexadecimal digits, not the text "abc"',
    ],
    [
      "variants.0.stages.0.bytes",
      0,
      "variants[0].stages[0].bytes: must be a whole number of at least 1, not the number 0",
    ],
  ])("%s: %j", (path, value, message) => {
    expect(() => parse(changed(path, value))).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_MANIFEST", message: `manifest.json: ${message}` }),
    );
  });

  it("takes weights, chains of stages, an end, a least runtime and a report", () => {
    const tensors = [
      { name: "a", dtype: "int8", offset: 0, bytes: 4096 },
      { name: "b", dtype: "float", offset: 4096, bytes: 8 },
    ];
    const weights = { file: "w", sha256: "1".repeat(64), bytes: 4104, tensors };
    const first = { ...stage("a.onnx"), weights, inputs: ["image"], outputs: ["x"] };
    const last = { ...stage("b.onnx"), inputs: ["x", "image"], outputs: ["heatmap"] };
    const more = {
      expires: "2030-01-01T00:00:00Z",
      min_runtime: "0.1.0",
      report: { sqnr_db: 31.5, calibration: { images: 200 } },
      variants: [{ name: "int8", targets: ["any"], stages: [first, last] }],
    };
    expect(parse({ ...manifest(), ...more })).toMatchObject(more);
  });

  const stage = (file: string) => ({ file, sha256: "0".repeat(64), bytes: 5 });
  const weights = (...tensors: [offset: number, bytes: number][]) => ({
    ...stage("w"),
    bytes: 100,
    tensors: tensors.map(([offset, bytes], i) => ({ name: `t${i}`, dtype: "int8", offset, bytes })),
  });

  it.each<[path: string, value: unknown, message: string]>([
    ["expires", "soon", 'expires: must be a time in UTC such as "2030-01-31T00:00:00Z", not the text "soon"'],
    ["min_runtime", 1, 'min_runtime: must be a version such as "1.0.0", not the number 1, put it in quotes'],
    ["report", { text: "x".repeat(9000) }, "report: must be plain JSON of at most 8192 bytes"],
    [
      "variants.0.stages.0.weights",
      weights([0, 60], [50, 10]),
      "variants[0].stages[0].weights.tensors[1]: must begin after the previous tensor and end inside the file",
    ],
    [
      "variants.0.stages.0.weights",
      weights([96, 8]),
      "variants[0].stages[0].weights.tensors[0]: must begin after the previous tensor and end inside the file",
    ],
    [
      "variants.0.stages",
      [
        { ...stage("a"), inputs: ["image"], outputs: ["x"] },
        { ...stage("b"), inputs: ["y"] },
      ],
      "variants[0].stages[1].inputs[0]: is neither the model's input nor an output of an earlier stage",
    ],
  ])("%s: what cannot be is named", (path, value, message) => {
    expect(() => parse(changed(path, value))).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_MANIFEST", message: `manifest.json: ${message}` }),
    );
  });

  it.each(["/etc/passwd", "../m.onnx", "a/../../m.onnx", "a/..", "..", "a\\b", "", "a\u0000b"])(
    "refuses the path %j",
    (file) => {
      expect(() => parse(changed("variants.0.stages.0.file", file))).toThrow(
        "must be a relative path inside",
      );
    },
  );

  it.each(["m.onnx", "a/b/m.onnx", "..m.onnx", "a..b", "./m.onnx", "ü.onnx"])("takes the path %j", (file) => {
    const { variants } = parse(changed("variants.0.stages.0.file", file));
    expect(variants[0]?.stages[0]?.file).toBe(file);
  });

  it.each(["", "null", "[]", "5", "{", '{"__proto__": {}}'])("refuses %j with its code", (text) => {
    expect(() => parseManifest(text, "m.json")).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_MANIFEST" }),
    );
  });

  it("names all problems, a line each", () => {
    expect(() => parse({ ...manifest(), name: "X Y", extra: 1, version: 2 })).toThrow(
      /.*name.*\n.*version.*\n.*extra/,
    );
  });
});
