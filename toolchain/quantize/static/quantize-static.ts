import { copyModel } from "../../../models/onnx/copy-model.ts";
import { Graph } from "../../../models/onnx/graph.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import type { Calibration } from "../calibrate/calibrate.ts";
import { type RangeMethod, rangeOf } from "../calibrate/ranges.ts";
import { insertQdq } from "./insert-qdq.ts";
import { type PlanOptions, planQuantization } from "./plan.ts";
import type { Scheme } from "./schemes.ts";

export interface StaticSettings extends PlanOptions {
  scheme: Scheme;
  method: RangeMethod;
  correctBias: boolean;
}

/** A prepared model as a static int8 one. `calibration` has seen every tensor that its plan names. */
export function quantizeStatic(
  model: ModelProto,
  calibration: Calibration,
  settings: StaticSettings,
): ModelProto {
  const graph = new Graph(copyModel(model));
  const plan = planQuantization(graph, settings);
  const ranges = new Map(
    [...calibration.histograms].map(([name, histogram]) => [name, rangeOf(histogram, settings.method)]),
  );
  const means = settings.correctBias ? calibration.means : undefined;
  insertQdq(graph, plan, { scheme: settings.scheme, ranges, means });
  return graph.model;
}
