import { SightlineError } from "../base/errors.ts";
import type { RunOptions, Session, SessionMemory } from "../session/execution-provider.ts";
import type { NamedTensors, TensorSpec } from "../tensor/tensor.ts";
import type { OpenStage } from "./stage-pool.ts";

interface Place {
  /** The stages before it, which tell what it is fed with. */
  way: string;
  onDamage: () => void;
}

/** A stage as one of the models that have it sees it: what another model had it run for already is not run again. */
export class StageOfModel implements Session {
  readonly #stage: OpenStage;
  readonly #place: Place;

  constructor(stage: OpenStage, place: Place) {
    this.#stage = stage;
    this.#place = place;
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
      return await (isOwn ? run() : runs.run(shareKey, this.#place.way, run, held));
    } catch (error) {
      if (error instanceof SightlineError && error.code === "ERR_MODEL_DIGEST") this.#place.onDamage();
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
