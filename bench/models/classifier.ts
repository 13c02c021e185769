import { readdirSync } from "node:fs";
import { join } from "node:path";
import { machineTargets } from "../../models/bundle/targets.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { cpuFeatures, openKernels } from "../../runtime/native/index.ts";
import type { ModelInput } from "../../runtime/pipeline/preprocess.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { Reference } from "../../toolchain/quantize/agreement.ts";
import { fileFeeds } from "../../toolchain/quantize/calibrate/images.ts";
import { latenciesMs } from "../../toolchain/quantize/latency.ts";
import { quantize } from "../../toolchain/quantize/quantize.ts";
import { quantizeWeights } from "../../toolchain/quantize/weight-only/quantize-weights.ts";
import { cost, least, type Result, rate } from "../bench.ts";
import { quieter } from "./quieter.ts";
import { each, openSubject, type Subject } from "./subjects.ts";

/** Natural pictures; else the golden data's. */
const PICTURES = process.env.SIGHTLINE_PICTURES;

const INPUT: ModelInput = {
  ...{ name: "input", dtype: "float32", layout: "NCHW", width: 224, height: 224, color: "rgb" },
  ...{ resize: "stretch", pad_value: 0, mean: [128], std: [128] },
};

/** In percent; of pictures that float itself is not sure of either class may be right. */
const SAME_MIN = 80;

/** MobileNetV2 in int8 as the command makes it, judged on pictures that it has not seen. */
export async function classifier(provider: ExecutionProvider): Promise<Result[]> {
  const subject = await openSubject(provider, "mobilenet_v2");
  const { calibration, heldOut } = PICTURES ? await ownPictures(PICTURES) : subject;
  const half = Math.min(16, Math.ceil(heldOut.length / 2));
  const { model } = await quantize(
    { provider, onProgress: () => {} },
    {
      ...{ name: "mobilenet_v2", model: subject.float, precision: "int8", runsHere: true, machine: "" },
      target: machineTargets(process.arch, cpuFeatures())[0] ?? "any",
      calibration: { inputs: () => each(calibration), count: calibration.length },
      heldOut: heldOut.slice(0, half),
      minSqnrDb: 20,
    },
  );
  const unseen = heldOut.slice(half);
  const { outputs } = await (await Reference.of(provider, subject.float, unseen)).compare(model);
  const [int8Ms = 0, floatMs = 0] = await latenciesMs(provider, [model, subject.float], unseen[0] ?? {});
  return [
    least(
      `mobilenet_v2 int8: embedding SQNR on ${unseen.length} unseen`,
      "dB",
      outputs.embedding?.sqnrDb ?? 0,
      15,
    ),
    least("mobilenet_v2 int8: same top-1 as float", "%", (outputs.probs?.top1 ?? 0) * 100, SAME_MIN),
    rate("mobilenet_v2 int8 against float", "runs/s", 1000 / int8Ms, 1000 / floatMs, 1),
  ];
}

/** Every fourth picture calibrates. */
async function ownPictures(folder: string): Promise<Pick<Subject, "calibration" | "heldOut">> {
  const kernels = openKernels();
  const calibration: NamedTensors[] = [];
  const heldOut: NamedTensors[] = [];
  for (const [i, name] of readdirSync(folder).sort().entries()) {
    const { feeds } = await fileFeeds(kernels, INPUT, join(folder, name));
    (i % 4 === 0 ? calibration : heldOut).push(feeds);
  }
  return { calibration, heldOut };
}

/** Weights of 4 bits: how small, and what GPTQ is worth. */
export async function fourBits(provider: ExecutionProvider): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of ["mobilenet_v2", "ppocr-rec"] as const) {
    const { calibration, float, heldOut } = await openSubject(provider, name);
    const options = { bits: 4 } as const;
    const inputs = () => each(calibration);
    const [gptq, rounded] = [
      await quantizeWeights(float, options, { provider, inputs }),
      await quantizeWeights(float, options),
    ];
    const reference = await Reference.of(provider, float, heldOut);
    const [ours, theirs] = [
      (await reference.compare(gptq)).sqnrDb,
      (await reference.compare(rounded)).sqnrDb,
    ];
    results.push(quieter(`${name} int4, GPTQ against rounding`, { ours, theirs }, 4));
    const share = encodeModel(gptq).byteLength / encodeModel(float).byteLength;
    results.push(cost(`${name} int4: size of float's`, "×", share, name === "mobilenet_v2" ? 0.17 : 0.185));
  }
  return results;
}
