import type { Manifest } from "../../../models/bundle/manifest.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../../models/onnx/write-model.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import type { Kernels } from "../../../runtime/native/index.ts";
import { decode } from "../../../runtime/pipeline/decode/decode.ts";
import { fitInto, type Size, toSource } from "../../../runtime/pipeline/fit.ts";
import type { ExecutionProvider } from "../../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";
import { match, type Scored, scoreTable, type Truth } from "./detections.ts";
import { parseBoxes, parseClass } from "./labels.ts";

/** A picture with what should be found on it. */
export interface Labelled {
  feeds: NamedTensors;
  /** Of the picture, in whose pixels the labels are. */
  size: Size;
  /** The labels file's text. */
  labels: string;
}

export interface TaskScore {
  /** `map50`: mean average precision at IoU 0.5; `top1`: share of pictures whose best class is right. Both 0 to 1. */
  metric: "map50" | "top1";
  score: number;
}

const IOU_MIN = 0.5;
/** Low, so that the curve of precision and recall is there in full. */
const SCORE_MIN = 0.02;

interface Deps {
  provider: ExecutionProvider;
  kernels: Kernels;
  manifest: Manifest;
  /** Class names. */
  labels: readonly string[];
}

/** How well a model does on labelled pictures. Errors: ERR_LABELS, ERR_MODEL_IO, ERR_SESSION_RUN. */
export async function taskScore(
  deps: Deps,
  model: ModelProto,
  pictures: AsyncIterable<Labelled>,
): Promise<TaskScore> {
  const session = await deps.provider.load(encodeModel(model));
  const scored: Scored[] = [];
  const truths: Truth[] = [];
  let [right, total] = [0, 0];
  const isClassifier =
    deps.manifest.decoder.type === "classifier" || deps.manifest.decoder.type === "embedding";
  try {
    for await (const picture of pictures) {
      total++;
      const found = await detections(deps, await session.run(0, picture.feeds), picture.size);
      if (isClassifier) {
        if (found[0]?.label === parseClass(picture.labels, deps.labels)) right++;
        continue;
      }
      const wanted = parseBoxes(picture.labels, deps.labels);
      truths.push(...wanted);
      scored.push(...match(found, wanted, IOU_MIN));
    }
  } finally {
    await session.unload();
  }
  if (isClassifier) return { metric: "top1", score: right / total };
  if (truths.length === 0) throw new SightlineError("ERR_LABELS", "no picture has a labelled box");
  return { metric: "map50", score: scoreTable(deps.labels, scored, truths).all?.ap ?? 0 };
}

async function detections({ kernels, labels, manifest }: Deps, outputs: NamedTensors, size: Size) {
  const { decoder, input } = manifest;
  const fit = fitInto(size, input, input.resize);
  const candidates = await decode(kernels, decoder, outputs, SCORE_MIN, input);
  return candidates
    .map(({ box, classId, score }) => ({ label: labels[classId] ?? "?", score, box: toSource(fit, box) }))
    .sort((a, b) => b.score - a.score);
}
