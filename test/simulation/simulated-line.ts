import { silentLogger } from "../../runtime/base/logger.ts";
import type { Semaphore } from "../../runtime/base/semaphore.ts";
import type { ModelManager } from "../../runtime/loader/model-manager.ts";
import { admitBy } from "../../runtime/pipeline/admission.ts";
import { frameModels } from "../../runtime/pipeline/frame-models.ts";
import type { BuiltModel } from "../../runtime/pipeline/open-model.ts";
import type { StageSpec } from "../../runtime/pipeline/stages/build-stages.ts";
import { Camera } from "../../services/camera/camera.ts";
import { PushSource } from "../../services/camera/push-source.ts";
import { Line, type LineDeps, type LineOptions, type LinePipeline } from "../../services/line/line.ts";
import type { ResultStore, StoredResult } from "../../services/line/recorder.ts";
import type { Chance } from "./chance.ts";
import { fakeKernels } from "./fake-kernels.ts";
import type { CameraFacts } from "./scenario.ts";
import type { VirtualTime } from "./virtual-time.ts";

type NewResult = Parameters<ResultStore["append"]>[0];

interface Deps {
  time: VirtualTime;
  chance: Chance;
  models: ModelManager<BuiltModel>;
  permits: Semaphore;
  inFlight: number;
  runsPerFrame: number;
  onAppended(result: NewResult): void;
}

/** The daemon's own line, with a camera whose frames are pushed. */
export function simulatedLine(deps: Deps, id: string, facts: CameraFacts) {
  const source = new PushSource<StoredResult>({ clock: deps.time }, { camera: id, pendingMax: 512 });
  const nobody = () => {};
  const camera = new Camera(
    { clock: deps.time, logger: silentLogger, source, onStatus: nobody, onEvent: nobody },
    { id, mode: facts.mode, buffer: facts.buffer },
  );
  const line = new Line(
    lineDeps(deps),
    { camera, senders: source, pipelinesMax: Number.POSITIVE_INFINITY, intake: undefined, live: undefined },
    lineOptions(id, facts),
  );
  return { line, source };
}

/** Rules differ with `minScore`, so a line becomes another one without its camera being opened again. */
export function lineOptions(id: string, { pipelines }: CameraFacts, minScore = 0.3): LineOptions {
  const own = Object.entries(pipelines).map(([name, each]) => [name, pipelineOf(each, minScore)]);
  return { id, camera: {}, pipelines: Object.fromEntries(own) };
}

function pipelineOf(
  { deadlineMs, models }: CameraFacts["pipelines"][string],
  minScore: number,
): LinePipeline {
  const [first = "", ...others] = models;
  const stages: StageSpec[] = [
    { stage: "detect", model: first },
    ...others.map(
      (model) => ({ stage: "classify", model, margin: 0, min_score: 0, writes: "label" }) as const,
    ),
    { stage: "rules", rules: [{ verdict: "fail" }] },
  ];
  return { stages, minScore, deadlineMs, scale: {} };
}

function lineDeps({ chance, inFlight, runsPerFrame, models, onAppended, permits, time }: Deps): LineDeps {
  let seq = 0;
  const append = async (result: NewResult) => {
    onAppended(result);
    await time.wait(chance.between(1, 50));
    return ++seq;
  };
  const admit = (names: readonly string[]) =>
    admitBy({ permits, lease: async () => frameModels(await models.lease(names), names) });
  return {
    ...{ clock: time, logger: silentLogger, kernels: fakeKernels(time), store: { append }, admit },
    ...{ inFlight, runsPerFrame, liveSideMax: 960, onResult: () => {}, stagesFolder: undefined },
    evidence: { keep: async () => ({ links: [], error: null }) },
    provenance: { device: "device", boot_id: "boot" },
  };
}
