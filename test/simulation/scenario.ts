import type { ModelPolicy } from "../../runtime/loader/model-entry.ts";
import type { Chance } from "./chance.ts";
import type { ModelFacts, StageFacts } from "./fake-stages.ts";

export interface CameraFacts {
  mode: "free_run" | "triggered";
  buffer: number;
  periodMs: number;
  /** Frames that come at once; more than one overflows buffers. */
  burst: number;
  pipelines: Readonly<Record<string, { models: readonly string[]; deadlineMs: number | undefined }>>;
}

export interface ScheduledModel {
  policy: ModelPolicy;
  maxBatch: number;
  whenFull: "reject" | "drop_oldest";
  queueSize: number | undefined;
}

/** A device with its models, cameras and pipelines, and what is asked of it while it runs. */
export interface Scenario {
  slots: number;
  residentBytes: number;
  activationBytes: number;
  facts: Readonly<Record<string, ModelFacts>>;
  models: Readonly<Record<string, ScheduledModel>>;
  cameras: Readonly<Record<string, CameraFacts>>;
  durationMs: number;
  /** How long after the other something is asked of the models, on the average. */
  requestEveryMs: number;
  /** It is stopped while frames are in flight. */
  stopsInTheMiddle: boolean;
}

const MB = 2 ** 20;

/** What follows from the choices of `chance`; most of it is small, so that things get into each other's way. */
export function makeScenario(chance: Chance): Scenario {
  const names = Array.from({ length: chance.whole(1, 4) }, (_, i) => `m${i}`);
  const facts = Object.fromEntries(names.map((name) => [name, modelFacts(chance)]));
  const models = Object.fromEntries(names.map((name) => [name, scheduledModel(chance, name)]));
  const cameras = Array.from({ length: chance.whole(1, 4) }, (_, i) => [`c${i}`, camera(chance, i, names)]);
  const largest = Math.max(...names.map((name) => sum(facts[name], "weightBytes")));
  const slots = chance.whole(1, 3);
  return {
    slots,
    residentBytes: Math.ceil(largest * chance.between(1, 3)),
    activationBytes: Math.ceil(8 * MB * slots * chance.between(0.4, 2)),
    facts,
    models,
    cameras: Object.fromEntries(cameras),
    durationMs: chance.between(400, 2_000),
    requestEveryMs: chance.between(10, 200),
    stopsInTheMiddle: chance.oneIn(2),
  };
}

const sum = (facts: ModelFacts | undefined, of: "weightBytes"): number =>
  (facts?.stages ?? []).reduce((bytes, stage) => bytes + stage[of], 0);

function modelFacts(chance: Chance): ModelFacts {
  if (chance.oneIn(2)) return { backbone: undefined, stages: [stageFacts(chance)] };
  // The same name is the same stage, so it has to have the same facts.
  const backbone = { weightBytes: 4 * MB, activationBytes: 2 * MB, runMs: 6, slices: 1 };
  return { backbone: chance.oneIn(3) ? undefined : "backbone", stages: [backbone, stageFacts(chance)] };
}

const stageFacts = (chance: Chance): StageFacts => ({
  weightBytes: 4 * chance.whole(1, 4) * MB,
  activationBytes: chance.whole(1, 4) * MB,
  runMs: chance.between(1, 15),
  slices: chance.oneOf([1, 1, 2, 4]),
});

function scheduledModel(chance: Chance, name: string): ScheduledModel {
  return {
    policy: {
      bundle: `${name}@1`,
      preload: chance.oneIn(3),
      pin: false,
      stream: chance.oneOf(["auto", "never", "always"]),
      idleUnloadMs: chance.oneIn(4) ? chance.between(20, 200) : undefined,
    },
    maxBatch: chance.oneOf([1, 1, 2, 4]),
    whenFull: chance.oneOf(["reject", "drop_oldest"]),
    queueSize: chance.oneIn(4) ? chance.whole(1, 3) : undefined,
  };
}

function camera(chance: Chance, index: number, names: readonly string[]): CameraFacts {
  const pipelines = Array.from({ length: chance.whole(1, 3) }, (_, i) => {
    const models = chance.oneIn(3) ? [chance.oneOf(names), chance.oneOf(names)] : [chance.oneOf(names)];
    const deadlineMs = chance.oneIn(4) ? chance.between(20, 200) : undefined;
    return [`p${index}${i}`, { models, deadlineMs }];
  });
  return {
    mode: chance.oneOf(["free_run", "triggered"]),
    buffer: chance.whole(1, 4),
    periodMs: chance.between(4, 40),
    burst: chance.oneOf([1, 1, 1, 3, 12]),
    pipelines: Object.fromEntries(pipelines),
  };
}
