import { createHash } from "node:crypto";
import type { Bundle, StageFile } from "../../models/bundle/bundle.ts";
import type { BundleSource } from "../../runtime/loader/bundle-reader.ts";
import type { PreparedStage, StageCache } from "../../runtime/loader/prepared/prepared-cache.ts";
import { SlicedSession } from "../../runtime/loader/sliced-session.ts";
import { stageNeed } from "../../runtime/loader/stage-need.ts";
import type { TensorSpec } from "../../runtime/tensor/tensor.ts";
import type { Chance } from "./chance.ts";
import type { FakeEngine } from "./fake-engine.ts";
import type { VirtualTime } from "./virtual-time.ts";

const SIDE = 4;
const INPUT: TensorSpec = { name: "x", dtype: "float32", dims: [-1, 1, SIDE, SIDE] };
const FEATURES: TensorSpec = { name: "features", dtype: "float32", dims: [-1, 4] };
const SCORES: TensorSpec = { name: "y", dtype: "float32", dims: [-1, 2] };

export interface StageFacts {
  weightBytes: number;
  activationBytes: number;
  runMs: number;
  /** It can be opened in so many slices; 1: only whole. */
  slices: number;
}

/** A model of one stage, or of a backbone that others may have, too, and a head. */
export interface ModelFacts {
  backbone: string | undefined;
  stages: readonly StageFacts[];
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex");

/** Bundles that exist only by their names: `NAME@VERSION`. */
export class FakeBundles {
  readonly #models: Readonly<Record<string, ModelFacts>>;
  readonly #time: VirtualTime;
  readonly stages = new Map<string, StageFacts & { inputs: TensorSpec[]; outputs: TensorSpec[] }>();

  constructor(time: VirtualTime, models: Readonly<Record<string, ModelFacts>>) {
    this.#time = time;
    this.#models = models;
  }

  async start(): Promise<void> {}

  async read({ bundle }: BundleSource): Promise<Bundle> {
    await this.#time.wait(1);
    const [name = "", version = "1"] = bundle.split("@");
    const { backbone, stages } = this.#models[name] ?? { backbone: undefined, stages: [] };
    const files = stages.map((facts, i): StageFile => {
      const isShared = backbone !== undefined && i === 0;
      const sha256 = digest(isShared ? backbone : `${bundle}/${i}`);
      const inputs = i === 0 ? [INPUT] : [FEATURES];
      const outputs = i === stages.length - 1 ? [SCORES] : [FEATURES];
      this.stages.set(sha256, { ...facts, inputs, outputs });
      return { path: `/${bundle}/${i}`, bytes: 0, sha256 };
    });
    return bundleOf(bundle, `1.0.${version}`, files);
  }
}

function bundleOf(name: string, version: string, stages: readonly StageFile[]): Bundle {
  return {
    folder: name,
    manifest: {
      schema: "sightline.model/1",
      name,
      version,
      license: "MIT",
      input: {
        ...{ name: "x", dtype: "float32", layout: "NCHW", width: SIDE, height: SIDE, color: "gray" },
        ...{ resize: "stretch", pad_value: 0, mean: [0], std: [1] },
      },
      decoder: { type: "classifier", output: "y", activation: "none" },
      labels: ["good", "bad"],
      variants: [],
    } as unknown as Bundle["manifest"],
    labels: ["good", "bad"],
    variant: { name: "any" } as Bundle["variant"],
    stages,
    bytes: 0,
  };
}

/** Stages that are ready for this machine without ever having been on a disk. */
export class FakeStages implements StageCache {
  readonly #deps: { bundles: FakeBundles; engine: FakeEngine; time: VirtualTime; chance: Chance };
  readonly #made = new Set<string>();

  constructor(deps: { bundles: FakeBundles; engine: FakeEngine; time: VirtualTime; chance: Chance }) {
    this.#deps = deps;
  }

  async sweep(): Promise<void> {}

  keyOf({ sha256 }: StageFile): string {
    return sha256;
  }

  async find({ sha256 }: StageFile): Promise<PreparedStage | undefined> {
    const facts = this.#deps.bundles.stages.get(sha256);
    if (!facts) return undefined;
    const piece = (weightBytes: number) => ({
      ...{
        file: sha256,
        sha256,
        inputs: [],
        outputs: facts.outputs.map(({ name }) => name),
        structureBytes: 0,
      },
      tensors: [{ name: "w", type: 1, dims: [weightBytes / 4], offset: 0, bytes: weightBytes }],
    });
    const cost = { anonymousBytes: 0, activationBytes: facts.activationBytes };
    const slices = Array.from({ length: facts.slices }, () => piece(facts.weightBytes / facts.slices));
    return {
      ...{ version: 2, prepack: true, folder: `/prepared/${sha256}`, cost: { whole: cost, slices: cost } },
      whole: piece(facts.weightBytes),
      slices: facts.slices > 1 ? slices : [],
      weights: { bytes: facts.weightBytes, sha256, identity: {} as never, madeAtMs: 0 },
    };
  }

  async get(stage: StageFile): Promise<PreparedStage> {
    if (!this.#made.has(stage.sha256)) await this.#deps.time.wait(this.#deps.chance.between(5, 100));
    this.#made.add(stage.sha256);
    this.#deps.engine.damaged.delete(`/prepared/${stage.sha256}/weights.bin`);
    return (await this.find(stage)) as PreparedStage;
  }

  async open(prepared: PreparedStage, options: Parameters<StageCache["open"]>[1]) {
    const { bundles, engine } = this.#deps;
    const facts = bundles.stages.get(prepared.whole.sha256);
    if (!facts) throw new Error("a stage of no bundle");
    const { residentBytes } = stageNeed(prepared, options);
    const { activationBytes, inputs, outputs, runMs } = facts;
    const whole = { name: options.label, inputs, outputs, residentBytes, activationBytes, runMs };
    if (!options.isStreaming || facts.slices === 1) return engine.open({ ...whole, file: options.file });
    return this.#openSliced(whole, facts.slices, options);
  }

  async #openSliced(
    whole: Omit<Parameters<FakeEngine["open"]>[0], "file">,
    count: number,
    { file }: Parameters<StageCache["open"]>[1],
  ) {
    const between = (i: number): TensorSpec => ({ name: `t${i}`, dtype: "float32", dims: [1, 4] });
    const opened = [];
    try {
      for (let i = 0; i < count; i++) {
        const inputs = i === 0 ? whole.inputs : [between(i)];
        const outputs = i === count - 1 ? whole.outputs : [between(i + 1)];
        const share = { residentBytes: whole.residentBytes / count, runMs: whole.runMs / count };
        opened.push(await this.#deps.engine.open({ ...whole, ...share, file, inputs, outputs }));
      }
    } catch (error) {
      await Promise.all(opened.map((session) => session.unload()));
      throw error;
    }
    return new SlicedSession(
      opened,
      whole.outputs.map(({ name }) => name),
    );
  }

  async drop({ sha256 }: StageFile): Promise<void> {
    this.#made.delete(sha256);
  }
}
