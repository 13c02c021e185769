import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  type ModelProto,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from "../../../models/onnx/proto/onnx_pb.js";
import { parseModel, readModel } from "../../../models/onnx/read-model.ts";
import { floatTensor } from "../../../models/onnx/tensor.ts";
import { encodeModel } from "../../../models/onnx/write-model.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { node, smallModel } from "./small-model.ts";

const refused = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });
const ADD = [node("Add", ["x", "w"], "y")];
const weights = (values = [1, 2]) => floatTensor("w", [2], Float32Array.from(values));
const sound = () => smallModel({ nodes: ADD, initializers: [weights()] });

describe("parseModel", () => {
  it("takes a sound model", () => {
    expect(parseModel(encodeModel(sound())).graph?.node[0]?.opType).toBe("Add");
  });

  it.each([
    ["ERR_ONNX_FILE", "contains no graph", () => new Uint8Array()],
    ["ERR_ONNX_FILE", "it.onnx", () => new TextEncoder().encode("<html>")],
    ["ERR_ONNX_FILE", "it.onnx", () => encodeModel(sound()).subarray(0, 40)],
  ])("%s: %s", (code, message, bytes) => {
    expect(() => parseModel(bytes(), "it.onnx")).toThrow(refused(code, message));
  });

  const wrong: [code: string, message: string, model: ModelProto][] = [
    ["ERR_ONNX_OPSET", "needs opset 6", smallModel({ nodes: ADD, initializers: [weights()], opset: 6 })],
    ["ERR_ONNX_OPSET", "needs opset 99", smallModel({ nodes: ADD, initializers: [weights()], opset: 99 })],
    ["ERR_ONNX_GRAPH", 'no operator produces "w", which a "Add" reads', smallModel({ nodes: ADD })],
    [
      "ERR_ONNX_GRAPH",
      'the output "z"',
      smallModel({ nodes: ADD, initializers: [weights()], outputs: ["z"] }),
    ],
    ["ERR_ONNX_GRAPH", "no outputs", smallModel({ nodes: ADD, initializers: [weights()], outputs: [] })],
    [
      "ERR_ONNX_GRAPH",
      'cycle through "Neg" "y"',
      smallModel({ nodes: [node("Neg", ["a"], "y"), node("Neg", ["y"], "a")] }),
    ],
    [
      "ERR_ONNX_GRAPH",
      '"y" is produced twice',
      smallModel({ nodes: [node("Neg", ["x"], "y"), node("Abs", ["x"], "y")] }),
    ],
    [
      "ERR_ONNX_GRAPH",
      "initializers have the same name",
      smallModel({ nodes: ADD, initializers: [weights(), weights()] }),
    ],
    [
      "ERR_ONNX_GRAPH",
      "two inputs have the same name",
      smallModel({ nodes: [node("Neg", ["x"], "y")], inputs: ["x", "x"] }),
    ],
    ["ERR_ONNX_GRAPH", "no operator", smallModel({ nodes: [node("", ["x"], "y")] })],
    [
      "ERR_ONNX_TENSOR",
      "has 12 bytes, its shape requires 8",
      smallModel({ nodes: ADD, initializers: [weights([1, 2, 3])] }),
    ],
  ];
  it.each(wrong)("%s: %s", (code, message, model) => {
    expect(() => parseModel(encodeModel(model))).toThrow(refused(code, message));
  });

  it("keeps messages short whatever a name holds", () => {
    const model = smallModel({ nodes: [node("Neg", [`${"n".repeat(100_000)}\n`], "y")] });
    expect(() => parseModel(encodeModel(model))).toThrow(
      /^no operator produces "n{80}…", which a "Neg" reads$/,
    );
  });
});

/** The sound model, whose weights stand in another file. */
function outside(entries: Record<string, string>): Uint8Array {
  const w = weights();
  w.dataLocation = TensorProto_DataLocation.EXTERNAL;
  w.rawData = new Uint8Array();
  w.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  return encodeModel(smallModel({ nodes: ADD, initializers: [w] }));
}

describe("weights in another file", () => {
  async function model(entries: Record<string, string>): Promise<string> {
    const folder = join(await tempFolder(), "model");
    await mkdir(join(folder, "inner"), { recursive: true });
    await writeFile(join(folder, "w.bin"), new Uint8Array(Float32Array.of(0, 5, 6).buffer));
    await writeFile(join(folder, "..", "secret"), new Uint8Array(8));
    await symlink("../secret", join(folder, "link"));
    await writeFile(join(folder, "m.onnx"), outside(entries));
    return join(folder, "m.onnx");
  }

  it("come in from where they stand", async () => {
    const read = await readModel(await model({ location: "w.bin", offset: "4", length: "8" }));
    expect(Array.from(read.graph?.initializer[0]?.rawData ?? [])).toEqual([
      ...new Uint8Array(Float32Array.of(5, 6).buffer),
    ]);
  });

  it.each([
    ['names the file ""', { location: "" }],
    ['names the file "../secret"', { location: "../secret" }],
    ['names the file "/etc/passwd"', { location: "/etc/passwd" }],
    ["is outside the model's folder", { location: "link" }],
    ["not a regular file", { location: "inner" }],
    ["ENOENT", { location: "gone" }],
    ["ends at byte 16 of a file of 12", { location: "w.bin", offset: "8" }],
    ["offset or length that is not a number", { location: "w.bin", offset: "-4" }],
    ["stores 4 bytes, its shape requires 8", { location: "w.bin", length: "4" }],
  ])("%s", async (message, entries) => {
    const path = await model(entries as Record<string, string>);
    await expect(readModel(path)).rejects.toEqual(refused("ERR_ONNX_EXTERNAL", message));
  });

  it("are refused where there is no folder", () => {
    expect(() => parseModel(outside({ location: "w.bin" }))).toThrow(
      refused("ERR_ONNX_EXTERNAL", "another file"),
    );
  });
});

it("says that a model's file is not there, or is none", async () => {
  const folder = await tempFolder();
  await expect(readModel(join(folder, "none.onnx"))).rejects.toEqual(refused("ERR_MODEL_MISSING", "ENOENT"));
  await expect(readModel(folder)).rejects.toEqual(refused("ERR_MODEL_MISSING", "not a regular file"));
});
