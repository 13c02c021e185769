import { basename, extname, resolve } from "node:path";
import type { Stage } from "../../../models/bundle/manifest.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { formatBytes, parseBytes } from "../../../runtime/base/units.ts";
import type { ExecutionProvider } from "../../../runtime/session/execution-provider.ts";
import { type InputShapes, randomFeeds } from "../../../runtime/tensor/random-feeds.ts";
import { inputSpecs } from "../../../toolchain/split/input-specs.ts";
import type { PlanRequest } from "../../../toolchain/split/planner.ts";
import { type SplitModel, splitModel } from "../../../toolchain/split/split.ts";
import { writeSplit } from "../../../toolchain/split/write-split.ts";
import { table } from "../../table.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";
import { readWholeModel, SHAPE_OPTION, SHAPE_USAGE, VARIANT_OPTION, withProvider } from "./whole-model.ts";

/** Exit code 1 if the stages do not give bit-identical results to the whole model; they are written nevertheless. */
export const split: Verb = {
  name: "split",
  summary: "split a model into stages that run one after another",
  usage: `model split MODEL (--stages N | --budget 16MiB) [-o FOLDER] [--variant NAME] ${SHAPE_USAGE}`,
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(split, args, {
      ...SHAPE_OPTION,
      ...VARIANT_OPTION,
      stages: { type: "string" },
      budget: { type: "string" },
      out: { type: "string", short: "o" },
    });
    const [file = ""] = requirePositionals(split, ["MODEL"], positionals);
    const out = values.out ?? `${basename(file, extname(file))}-stages`;
    return (await splitVariant({ file, ...values, out }, context)) ? 0 : 1;
  },
};

interface SplitOptions {
  file: string;
  shape?: readonly string[];
  variant?: string | undefined;
  stages?: string | undefined;
  budget?: string | undefined;
  /** A folder that does not exist yet. */
  out: string;
}

/**
 * Returns whether the stages give bit-identical results to the whole model.
 * Errors: ERR_USAGE, ERR_MODEL_SPLIT, and those of reading and writing.
 */
export async function splitVariant(options: SplitOptions, context: CommandContext): Promise<boolean> {
  const plan = planOf(options);
  const { model, bundle, shapes } = await readWholeModel(options, context);
  const made = await withProvider((provider) => cut(provider, model, { plan, shapes }));
  const written = await writeSplit(made, { out: resolve(context.cwd, options.out), bundle });
  printStages(context, made, written);
  return made.isBitExact;
}

function planOf({
  stages,
  budget,
}: {
  stages?: string | undefined;
  budget?: string | undefined;
}): PlanRequest {
  if ((stages === undefined) === (budget === undefined))
    throw usageError(split, "either --stages or --budget is required");
  if (stages !== undefined) {
    if (/^[1-9]\d?$/.test(stages)) return { stages: Number(stages) };
    throw usageError(split, `--stages must be a number from 1 to 64, not "${stages}"`);
  }
  const budgetBytes = parseBytes(budget ?? "");
  if (budgetBytes) return { budgetBytes };
  throw usageError(split, `--budget must be a size such as 16MiB, not "${budget}"`);
}

/** Splits with noise as the input: pictures could leave a part of the model inactive, noise reaches all of it. */
async function cut(
  provider: ExecutionProvider,
  model: ModelProto,
  { plan, shapes }: { plan: PlanRequest; shapes: InputShapes },
): Promise<SplitModel> {
  const specs = await inputSpecs(provider, model);
  const feeds = (seed: number) => randomFeeds(specs, shapes, seed);
  return splitModel(provider, model, { feeds: [feeds(1), feeds(2)], plan });
}

function printStages(
  context: CommandContext,
  { cuts, isBitExact, sqnrDb, stages }: SplitModel,
  written: readonly Stage[],
): void {
  const rows = written.map(({ bytes, weights }, i) => [
    i + 1,
    stages[i]?.model.graph?.node.length ?? 0,
    formatBytes(bytes + (weights?.bytes ?? 0)),
    cuts[i] ? formatBytes(cuts[i].bytes) : "",
    cuts[i]?.tensors.join(", ") ?? "",
  ]);
  context.out(table(["stage", "operators", "size", "output", "tensors"], rows));
  context.out(
    isBitExact
      ? "The stages give bit-identical results to the whole model, with 1 and 2 threads."
      : `The stages differ from the whole model: SQNR ${sqnrDb.toFixed(1)} dB.`,
  );
}
