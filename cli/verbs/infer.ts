import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, extname, join, resolve } from "node:path";
import { systemClock as clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { makeFolder } from "../../runtime/base/make-folder.ts";
import { openKernels } from "../../runtime/native/index.ts";
import { soleAdmission } from "../../runtime/pipeline/admission.ts";
import { ANY_DETECTION_FAILS } from "../../runtime/pipeline/decide.ts";
import type { Frame } from "../../runtime/pipeline/frame.ts";
import { inspect, type Judged, judgeInOrder } from "../../runtime/pipeline/inspect.ts";
import { openModel } from "../../runtime/pipeline/open-model.ts";
import { buildResult, type InspectionResult } from "../../runtime/pipeline/result.ts";
import { detectStage } from "../../runtime/pipeline/stages/detect.ts";
import { rulesStage } from "../../runtime/pipeline/stages/rules.ts";
import type { VisionModel } from "../../runtime/pipeline/vision-model.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { readFrame } from "../../services/camera/replay.ts";
import { annotate } from "../../services/evidence/annotate.ts";
import { readBootId } from "../../services/health/device.ts";
import { type CommandContext, parseVerbArgs, usageError, type Verb } from "../verb.ts";
import { bundleFolder } from "../zoo.ts";

const RUN_LIMIT_MS = 60_000;

/** Judges picture files as a pipeline would and prints a line for each. Exit code 1 if one could not be judged. */
export const infer: Verb = {
  name: "infer",
  summary: "run a model on picture files",
  usage: "infer --model NAME|FOLDER [--variant NAME] [--min-score 0.3] [--json] [--annotate DIR] IMAGE…",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(infer, args, {
      model: { type: "string", short: "m" },
      variant: { type: "string" },
      "min-score": { type: "string", default: "0.3" },
      json: { type: "boolean", default: false },
      annotate: { type: "string" },
    });
    if (!values.model) throw usageError(infer, "--model is missing");
    if (positionals.length === 0) throw usageError(infer, "IMAGE is missing");
    const minScore = Number(values["min-score"].trim() || Number.NaN);
    if (!(minScore >= 0 && minScore <= 1))
      throw usageError(infer, "--min-score must be a number from 0 to 1");
    const folder = values.annotate === undefined ? undefined : resolve(context.cwd, values.annotate);
    if (folder !== undefined) await asImageWrite(async () => makeFolder(folder));
    const print = values.json ? printJson : printText;
    const bundle = { folder: bundleFolder(values.model, context.cwd), variant: values.variant };
    return withModel(bundle, (model) =>
      inferAll(model, positionals, { minScore, folder, nameOf: uniqueNames(), print }, context),
    );
  },
};

async function withModel(
  bundle: { folder: string; variant: string | undefined },
  work: (model: VisionModel) => Promise<number>,
): Promise<number> {
  const provider = new CpuExecutionProvider({ slots: availableParallelism(), intraOpThreads: 1 });
  try {
    provider.start();
    const inFlight = provider.slots + 1;
    const deps = { provider, kernels: openKernels(), clock };
    const { model } = await openModel(deps, { ...bundle, runLimitMs: RUN_LIMIT_MS, inFlight });
    return await work(model);
  } finally {
    await provider.close();
  }
}

interface Options {
  minScore: number;
  /** Folder for annotated pictures, and the name that each one gets there. */
  folder: string | undefined;
  nameOf: (file: string) => string;
  print: (result: InspectionResult, context: CommandContext) => void;
}

/** Judges a few pictures at a time and prints the results in the order of the files. */
async function inferAll(
  model: VisionModel,
  files: readonly string[],
  options: Options,
  context: CommandContext,
): Promise<number> {
  const provenance = { device: "infer", boot_id: await readBootId() };
  const ahead: Promise<InspectionResult>[] = [];
  let exitCode = 0;
  for (let next = 0; ahead.length > 0 || next < files.length; ) {
    for (; ahead.length <= availableParallelism() && next < files.length; next++) {
      const frame = await readFrame(clock, {
        id: next + 1,
        camera: "infer",
        file: resolve(context.cwd, files[next] ?? ""),
      });
      const result = inferFrame(model, frame, options).then((judged) =>
        buildResult("infer", judged, provenance),
      );
      // A failure is reported when this result's turn comes, or never if an earlier one fails.
      result.catch(() => {});
      ahead.push(result);
    }
    const result = await ahead.shift();
    if (!result) continue;
    if (result.error) exitCode = 1;
    options.print(result, context);
  }
  return exitCode;
}

async function inferFrame(model: VisionModel, frame: Frame, options: Options): Promise<Judged> {
  const { folder } = options;
  const detect = detectStage(
    { modelOf: () => model, runsPerFrame: 1, clock },
    { min_score: options.minScore },
  );
  const seen = await inspect({ stages: [detect], clock }, { frame, admission: soleAdmission(model) }, {});
  const [judged = seen] = judgeInOrder([rulesStage({ rules: ANY_DETECTION_FAILS }, {})], seen);
  if (folder !== undefined && judged.source && frame.origin) {
    const name = options.nameOf(frame.origin);
    const picture = await annotate(frame.picture, judged.source, judged.detections);
    await asImageWrite(() => writeFile(join(folder, name), picture));
  }
  return judged;
}

/** Pictures with the same name from two folders must not overwrite each other, so the second one gets a number. */
function uniqueNames(): (file: string) => string {
  const given = new Map<string, number>();
  return (file) => {
    const name = basename(file, extname(file));
    const count = (given.get(name) ?? 0) + 1;
    given.set(name, count);
    return `${name}${count === 1 ? "" : `-${count}`}.annotated.jpg`;
  };
}

async function asImageWrite(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw SightlineError.wrap("ERR_IMAGE_WRITE", error);
  }
}

function printJson(result: InspectionResult, context: CommandContext): void {
  context.out(JSON.stringify(result));
}

function printText(result: InspectionResult, context: CommandContext): void {
  const found = result.detections.map((d) => `${d.label} ${d.score.toFixed(2)}`).join(", ");
  context.out(`${result.verdict.padEnd(5)} ${result.frame.origin}  ${found || result.reasons.join("; ")}`);
  if (result.error) context.err(result.error.hint);
}
