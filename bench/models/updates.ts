import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { dimsOf, floatsOf, floatTensor } from "../../models/onnx/tensor.ts";
import { openSource } from "../../models/store/open-source.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import { retrained } from "../../test/support/weights.ts";
import { makeDelta } from "../../toolchain/delta/make-delta.ts";
import { createBundle } from "../../toolchain/pack/create-bundle.ts";
import { type Calibration, calibrate } from "../../toolchain/quantize/calibrate/calibrate.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { quantizeStatic } from "../../toolchain/quantize/static/quantize-static.ts";
import { SCHEMES } from "../../toolchain/quantize/static/schemes.ts";
import { cost, type Result } from "../bench.ts";
import { each, openSubject } from "./subjects.ts";

const NOISE = 0.01;

/**
 * What an update of the int8 detector costs on the wire, as a share of all of it, compressed alike: after a retraining that
 * moved every weight by 1 % (rms), and after one that moved only the last tenth of them.
 */
export async function updates(provider: ExecutionProvider): Promise<Result[]> {
  const { calibration: inputs, float } = await openSubject(provider, "pcb-aoi");
  const plan = planQuantization(new Graph(copyModel(float)), { reach: "all" });
  const calibration = await calibrate(provider, { model: float, plan }, each(inputs));
  const folder = await mkdtemp(join(tmpdir(), "sightline-updates-"));
  try {
    const write = (name: string, version: string, model: ModelProto) =>
      createBundle(description(version), int8(model, calibration), join(folder, name));
    await write("old", "1.0.0", float);
    await write("all", "1.1.0", retrain(float, 1));
    await write("head", "1.1.0", retrain(float, 0.1));
    return [
      cost(
        "update of an int8 model, all weights moved by 1 %",
        "% of the whole",
        await share(folder, "all"),
        30,
      ),
      cost(
        "update of an int8 model, its last tenth moved",
        "% of the whole",
        await share(folder, "head"),
        10,
      ),
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

const int8 = (model: ModelProto, calibration: Calibration): ModelProto =>
  quantizeStatic(model, calibration, {
    ...{ reach: "all", scheme: SCHEMES.any, method: { method: "minmax" }, correctBias: false },
  });

/** The last `part` of the weights, noise added. */
function retrain(model: ModelProto, part: number): ModelProto {
  const copy = copyModel(model);
  const weights = new Graph(copy).nodes.flatMap(({ input, opType }) =>
    opType === "Conv" ? [input[1] ?? ""] : [],
  );
  const sizes = new Map(copy.graph?.initializer.map((tensor) => [tensor.name, tensor.rawData.byteLength]));
  const total = weights.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
  let left = part * total;
  const moved = new Set<string>();
  for (const name of weights.toReversed()) {
    left -= sizes.get(name) ?? 0;
    if (left >= -1) moved.add(name);
  }
  if (copy.graph)
    copy.graph.initializer = copy.graph.initializer.map((tensor, i) =>
      moved.has(tensor.name)
        ? floatTensor(tensor.name, dimsOf(tensor), retrained(floatsOf(tensor), NOISE, i + 1))
        : tensor,
    );
  return copy;
}

async function share(folder: string, next: string): Promise<number> {
  const [from, to] = await Promise.all([openSource(join(folder, "old")), openSource(join(folder, next))]);
  try {
    const delta = [...(await makeDelta(from, to))].reduce((sum, { length }) => sum + length, 0);
    return (100 * delta) / (await wholeBytes(join(folder, next, "blobs/sha256")));
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

async function wholeBytes(blobs: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(blobs))
    bytes += brotliCompressSync(await readFile(join(blobs, name))).length;
  return bytes;
}

const description = (version: string) => ({
  ...{ name: "detector", version, labels: ["a", "b", "c", "d", "e", "f"] },
  decoder: { type: "heatmap" as const, heatmap: "heatmap", boxes: "boxes", stride: 8 },
  input: {
    ...({ name: "image", dtype: "float32", layout: "NCHW", color: "gray", resize: "letterbox" } as const),
    ...{ width: 640, height: 640 },
  },
});
