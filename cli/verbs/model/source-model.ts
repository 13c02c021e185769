import type { Bundle } from "../../../models/bundle/bundle.ts";
import { Graph } from "../../../models/onnx/graph.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { SightlineError } from "../../../runtime/base/errors.ts";
import type { ModelInput } from "../../../runtime/pipeline/preprocess.ts";
import type { CommandContext } from "../../verb.ts";
import { readWholeModel } from "./whole-model.ts";

/** The float model to quantize: from a bundle, or from an ONNX file whose input is described by options. */
export interface SourceModel {
  name: string;
  /** Path of its ONNX file. */
  path: string;
  model: ModelProto;
  input: ModelInput;
  /** Undefined for an ONNX file without a bundle. */
  bundle: Bundle | undefined;
}

/** The input format of an ONNX file without a bundle; a bundle describes it in its manifest. */
export const INPUT_OPTIONS = {
  color: { type: "string", default: "rgb" },
  mean: { type: "string", default: "0" },
  std: { type: "string", default: "255" },
  resize: { type: "string", default: "letterbox" },
  pad: { type: "string", default: "114" },
  size: { type: "string" },
} as const;

export const INPUT_USAGE =
  "[--color rgb|bgr|gray] [--mean 0] [--std 255] [--resize letterbox|stretch] [--pad 114] [--size 640x640]";

type InputValues = {
  color: string;
  mean: string;
  std: string;
  resize: string;
  pad: string;
  size?: string | undefined;
};

/**
 * A shipped model's name, a bundle's folder (its variant for `any` machine is taken) or an ONNX file.
 * Errors: ERR_USAGE, ERR_MODEL_*, ERR_ONNX_*.
 */
export async function readSourceModel(
  file: string,
  values: InputValues,
  context: CommandContext,
): Promise<SourceModel> {
  const { bundle, model, name, path } = await readWholeModel({ file }, context);
  return { name, path, model, bundle, input: bundle ? bundle.manifest.input : bareInput(model, values) };
}

function bareInput(model: ModelProto, values: InputValues): ModelInput {
  const graph = new Graph(model);
  const [name = "", ...more] = graph.inputs;
  if (more.length > 0)
    throw new SightlineError(
      "ERR_USAGE",
      "the model has several inputs; only models with one picture as their input are supported",
    );
  const dims = inputDims(graph, name);
  const isNchw = isChannels(dims[1]);
  assertPicture(dims);
  const color = oneOf(values.color, ["rgb", "bgr", "gray"] as const, "--color");
  const [width, height] = values.size
    ? sizeOf(values.size)
    : isNchw
      ? [dims[3], dims[2]]
      : [dims[2], dims[1]];
  if (!width || !height)
    throw new SightlineError("ERR_USAGE", "the model accepts any size: choose one, as with --size 640x640");
  return {
    ...{
      name,
      dtype: "float32",
      layout: isNchw ? "NCHW" : "NHWC",
      width,
      height,
      pad_value: padOf(values.pad),
    },
    color: dims[isNchw ? 1 : 3] === 1 ? "gray" : color,
    resize: oneOf(values.resize, ["letterbox", "stretch"] as const, "--resize"),
    mean: numbers(values.mean, "--mean"),
    std: divisors(values.std, "--std"),
  };
}

const isChannels = (side: number | undefined): boolean => side === 1 || side === 3;

function assertPicture(dims: readonly (number | undefined)[]): void {
  const [batch = 1, first, , last] = dims;
  if (dims.length === 4 && batch === 1 && (isChannels(first) || isChannels(last))) return;
  const given = dims.length === 0 ? "of unknown shape" : `[${dims.map((side) => side ?? "?").join(", ")}]`;
  throw new SightlineError(
    "ERR_USAGE",
    `the model's input is ${given}; it must be [1, channels, height, width] or [1, height, width, channels] with 1 or 3 channels`,
  );
}

function inputDims(graph: Graph, name: string): (number | undefined)[] {
  const type = graph.proto.input.find((input) => input.name === name)?.type;
  if (type?.value.case !== "tensorType") return [];
  return (type.value.value.shape?.dim ?? []).map(({ value }) =>
    value.case === "dimValue" ? Number(value.value) : undefined,
  );
}

function padOf(text: string): number {
  const value = Number(text.trim() || Number.NaN);
  if (value >= 0 && value <= 255) return value;
  throw new SightlineError("ERR_USAGE", `--pad must be a number from 0 to 255, not "${text}"`);
}

function sizeOf(text: string): [number, number] {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  if (match) return [Number(match[1]), Number(match[2])];
  throw new SightlineError("ERR_USAGE", `--size must be WIDTHxHEIGHT, not "${text}"`);
}

function numbers(text: string, option: string): number[] {
  const list = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (list.every(Number.isFinite) && (list.length === 1 || list.length === 3)) return list;
  throw new SightlineError(
    "ERR_USAGE",
    `${option} must be one number, or three with commas between them, not "${text}"`,
  );
}

function divisors(text: string, option: string): number[] {
  const list = numbers(text, option);
  if (list.every((value) => value > 0)) return list;
  throw new SightlineError("ERR_USAGE", `${option} must be above 0, not "${text}"`);
}

export function oneOf<const T extends string>(text: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((value) => value === text);
  if (found) return found;
  throw new SightlineError("ERR_USAGE", `${option} must be one of ${allowed.join(", ")}, not "${text}"`);
}
