import { stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { type Bundle, openBundle } from "../../../models/bundle/bundle.ts";
import { inputDims } from "../../../models/bundle/input-dims.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../../models/onnx/read-model.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { CpuExecutionProvider } from "../../../runtime/session/cpu-provider.ts";
import type { ExecutionProvider } from "../../../runtime/session/execution-provider.ts";
import type { InputShapes } from "../../../runtime/tensor/random-feeds.ts";
import type { CommandContext } from "../../verb.ts";
import { bundleFolder } from "../../zoo.ts";

/** A model that is not split, from a bundle or from an ONNX file. */
export interface WholeModel {
  name: string;
  /** Path of its ONNX file. */
  path: string;
  model: ModelProto;
  /** Undefined for an ONNX file without a bundle. */
  bundle: Bundle | undefined;
  /** Shapes for the model's dynamic inputs. */
  shapes: InputShapes;
}

export const SHAPE_OPTION = { shape: { type: "string", multiple: true, default: [] as string[] } } as const;
export const VARIANT_OPTION = { variant: { type: "string" } } as const;
export const SHAPE_USAGE = "[--shape INPUT=1x3x640x640]…";

/**
 * A shipped model's name, a bundle's folder (its variant for `any` machine is taken unless another is named) or an
 * ONNX file. Errors: ERR_USAGE, ERR_MODEL_*, ERR_ONNX_*.
 */
export async function readWholeModel(
  { file, shape = [], variant }: { file: string; shape?: readonly string[]; variant?: string | undefined },
  context: CommandContext,
): Promise<WholeModel> {
  const given = Object.fromEntries(shape.map(parseShape));
  const folder = bundleFolder(file, context.cwd);
  if (!(await isFolder(folder))) {
    const path = resolve(context.cwd, file);
    const name = basename(path, extname(path));
    return { name, path, model: await readModel(path), bundle: undefined, shapes: given };
  }
  const bundle = await openBundle(folder, { variant });
  const [stage, ...more] = bundle.stages;
  if (!stage || more.length > 0) {
    const hint = "Start from the bundle of the whole model.";
    throw new SightlineError("ERR_USAGE", `${bundle.folder} is already split into stages`, { hint });
  }
  const { name, input } = bundle.manifest;
  const shapes = { [input.name]: inputDims(input), ...given };
  return { name, path: stage.path, model: await readModel(stage.path), bundle, shapes };
}

/** Parses `x=1x3x640x640`; the name may contain any character, even `=`. */
function parseShape(text: string): [string, number[]] {
  const match = /^(.+)=(\d{1,9}(?:x\d{1,9}){0,15})$/.exec(text);
  if (match?.[1] && match[2]) return [match[1], match[2].split("x").map(Number)];
  throw new SightlineError("ERR_USAGE", `--shape must be INPUT=1x3x640x640, not "${text}"`);
}

/** Runs `work` with ONNX Runtime on one slot and closes it in any case. */
export async function withProvider<T>(work: (provider: ExecutionProvider) => Promise<T>): Promise<T> {
  const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1 });
  provider.start();
  try {
    return await work(provider);
  } finally {
    await provider.close();
  }
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
