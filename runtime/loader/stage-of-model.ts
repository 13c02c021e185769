import { SightlineError } from "../base/errors.ts";
import type { RunOptions, Session, SessionMemory } from "../session/execution-provider.ts";
import type { NamedTensors, TensorSpec } from "../tensor/tensor.ts";
import type { OpenStage } from "./stage-pool.ts";

interface ChainPosition {
  /** The keys of this stage and of those before it: they tell what it is fed with. */
  prefix: string;
  onDamage: () => void;
}

/** A stage as one of the models that have it sees it: what another model had it run for already is not run again. */
export class StageOfModel implements Session {
  readonly #stage: OpenStage;
  readonly #position: ChainPosition;

  constructor(stage: OpenStage, position: ChainPosition) {
    this.#stage = stage;
    this.#position = position;
  }

  /** What another model may still want. */
  readonly sharesOutputs = true;

  get inputs(): readonly TensorSpec[] {
    return this.#stage.session.inputs;
  }

  get outputs(): readonly TensorSpec[] {
    return this.#stage.session.outputs;
  }

  async run(slot: number, feeds: NamedTensors, options: RunOptions = {}): Promise<NamedTensors> {
    const { session, runs } = this.#stage;
    const { held, outputs = {}, shareKey } = options;
    const run = () => session.run(held?.slot ?? slot, feeds, options);
    // What is written into one frame's buffer cannot be another one's.
    const isOwn = shareKey === undefined || Object.keys(outputs).length > 0;
    try {
      return await (isOwn ? run() : runs.run(shareKey, this.#position.prefix, run, held));
    } catch (error) {
      if (error instanceof SightlineError && error.code === "ERR_MODEL_DIGEST") this.#position.onDamage();
      throw error;
    }
  }

  /** The stage is the pool's. */
  async unload(): Promise<void> {}

  memory(): SessionMemory {
    return this.#stage.session.memory();
  }

  prefetch(): Promise<void> {
    return this.#stage.session.prefetch();
  }
}
