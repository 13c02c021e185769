import { silentLogger } from "../../runtime/base/logger.ts";
import type { Semaphore } from "../../runtime/base/semaphore.ts";
import type { ModelManager } from "../../runtime/loader/model-manager.ts";
import { frameModels } from "../../runtime/pipeline/frame-models.ts";
import type { BuiltModel } from "../../runtime/pipeline/open-model.ts";
import { CameraLine, type Shop } from "../../services/daemon/camera-line.ts";
import type { NewResult } from "../../services/outbox/outbox.ts";
import type { Chance } from "./chance.ts";
import { fakeKernels } from "./fake-kernels.ts";
import type { CameraFacts } from "./scenario.ts";
import type { VirtualTime } from "./virtual-time.ts";

interface Deps {
  time: VirtualTime;
  chance: Chance;
  models: ModelManager<BuiltModel>;
  permits: Semaphore;
  inFlight: number;
  lanes: number;
  onAppended(result: NewResult): void;
}

/** The daemon's own line of a camera, whose frames are pushed. */
export async function simulatedLine(deps: Deps, id: string, facts: CameraFacts): Promise<CameraLine> {
  const pipelines = Object.entries(facts.pipelines).map(([name, { deadlineMs, models }]) => {
    const [first, ...others] = models;
    const stages = [
      { stage: "detect", model: first },
      ...others.map((model) => ({ stage: "classify", model, margin: 0, min_score: 0, writes: "label" })),
      { stage: "rules", rules: [{ verdict: "fail" }] },
    ];
    return [name, { camera: id, min_score: 0.3, deadline: deadlineMs, stages, zones: {} }];
  });
  const camera = { source: "http", mode: facts.mode, buffer: facts.buffer };
  const line = new CameraLine(shopOf(deps), {
    id,
    camera: camera as never,
    pipelines: Object.fromEntries(pipelines),
  });
  await line.open();
  return line;
}

function shopOf({ chance, permits, inFlight, lanes, models, onAppended, time }: Deps): Shop {
  let seq = 0;
  const append = async (result: NewResult) => {
    onAppended(result);
    await time.wait(chance.between(1, 50));
    return ++seq;
  };
  return {
    ...{ bootId: "boot", deviceId: "device", clientId: "client", storePath: "/", stagesFolder: undefined },
    ...{ clock: time, logger: silentLogger, kernels: fakeKernels(time), evidence: undefined },
    ...{ permits, inFlight, lanes, judgesEvery: () => 1, onResult: () => {}, broker: {} as never },
    outbox: { append } as never,
    mqtt: { setState: () => {} } as never,
    lease: async (names) => frameModels(await models.lease(names), names),
  };
}
