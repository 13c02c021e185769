import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { extractStages } from "./extract.ts";
import type { Stage } from "./half-floats.ts";
import { activeBytes, type Cut } from "./liveness.ts";
import { measureModel } from "./measure.ts";
import { type PlanRequest, planCuts } from "./planner.ts";
import { compareChain, type Likeness, runWhole } from "./verify.ts";

export interface SplitModel extends Likeness {
  stages: readonly Stage[];
  /** One fewer than there are stages. */
  cuts: readonly Cut[];
}

export interface SplitRequest {
  /** What the model is measured and compared with. */
  feeds: readonly [NamedTensors, ...NamedTensors[]];
  plan: PlanRequest;
}

/**
 * Cuts a model into stages that give the same, bit for bit, as the whole. Where a fusion of ONNX Runtime that no
 * saved graph shows makes a difference at a cut, other cuts are tried; when none is exact, the nearest is given.
 * Errors: ERR_MODEL_SPLIT, and those of loading and running the model.
 */
export async function splitModel(
  provider: ExecutionProvider,
  model: ModelProto,
  { feeds, plan }: SplitRequest,
): Promise<SplitModel> {
  const { flow, shapes, cuts, durationUs } = await measureModel(provider, model, feeds[0]);
  const costs = { flow, activeBytes: activeBytes(flow, shapes), durationUs };
  const whole = await runWhole(provider, model, feeds);
  const attempt = async (tried: readonly Cut[]): Promise<SplitModel> => {
    const stages = extractStages(flow, tried, shapes);
    const models = stages.map((stage) => stage.model);
    return { stages, cuts: tried, ...(await compareChain(provider, models, { feeds, whole })) };
  };
  return search(cuts, (left) => planCuts({ ...costs, cuts: left }, plan), attempt);
}

/** Each costs a load of the model and a few runs, and one more for each cut that was in none before. */
const MAX_ATTEMPTS = 12;

/** The first plan whose stages are exact, else the nearest; `plan` throws when `cuts` do not suffice. */
async function search(
  cuts: readonly Cut[],
  plan: (cuts: readonly Cut[]) => Cut[],
  attempt: (cuts: readonly Cut[]) => Promise<SplitModel>,
): Promise<SplitModel> {
  let nearest = await attempt(plan(cuts));
  let last = nearest;
  let left = cuts;
  const isExactAlone = new Map<Cut, boolean>();
  for (let n = 1; n < MAX_ATTEMPTS && !nearest.isBitExact && last.cuts.length > 0; n++) {
    const harmful = await harmfulCuts(last.cuts, attempt, isExactAlone);
    left = left.filter((cut) => !harmful.includes(cut));
    try {
      last = await attempt(plan(left));
    } catch (error) {
      if (error instanceof SightlineError && error.code === "ERR_MODEL_SPLIT") break;
      throw error;
    }
    if (last.sqnrDb > nearest.sqnrDb) nearest = last;
  }
  return nearest;
}

/** Those that make a difference alone; where only several together do, the first is as good to give up as any. */
async function harmfulCuts(
  cuts: readonly Cut[],
  attempt: (cuts: readonly Cut[]) => Promise<SplitModel>,
  isExactAlone: Map<Cut, boolean>,
): Promise<readonly Cut[]> {
  for (const cut of cuts)
    if (!isExactAlone.has(cut)) isExactAlone.set(cut, (await attempt([cut])).isBitExact);
  const harmful = cuts.filter((cut) => !isExactAlone.get(cut));
  return harmful.length > 0 ? harmful : cuts.slice(0, 1);
}
