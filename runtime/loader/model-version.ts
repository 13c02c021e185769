import { createHash } from "node:crypto";
import type { Bundle } from "../../models/bundle/bundle.ts";
import { inputDims } from "../../models/bundle/input-dims.ts";
import { outputNames } from "../../models/bundle/output-names.ts";
import { ChainSession } from "../session/chain-session.ts";
import type { Session } from "../session/execution-provider.ts";
import { randomFeeds } from "../tensor/random-feeds.ts";
import type { NamedTensors } from "../tensor/tensor.ts";
import { type StageNeed, sumOf } from "./stage-need.ts";
import { StageOfModel } from "./stage-of-model.ts";
import type { OpenStage, StageMode, StagePool } from "./stage-pool.ts";

export interface OpenedModel {
  bundle: Bundle;
  session: Session;
}

export interface VersionOptions {
  /** Name, version and digest, for the flight record. */
  label: string;
  mode: StageMode;
  signal?: AbortSignal | undefined;
  /** Its weights are no longer what was opened. */
  onDamage(): void;
}

/** Of a model in one piece its file's, of one in stages that of their digests in order. */
export function digestOf({ stages }: Bundle): string {
  const digests = stages.map(({ sha256 }) => sha256);
  return digests.length === 1
    ? digests.join()
    : createHash("sha256").update(digests.join("\n")).digest("hex");
}

const SEED = 1;

/** Random values of the shape that the model is fed with. */
export function inputFeeds({ manifest: { input } }: Bundle): NamedTensors {
  return randomFeeds([{ name: input.name, dtype: input.dtype, dims: inputDims(input) }], {}, SEED);
}

/** One version of a model, with all of its stages in memory. */
export class ModelVersion implements OpenedModel {
  readonly bundle: Bundle;
  readonly session: Session;
  readonly stages: readonly OpenStage[];
  readonly #pool: StagePool;

  private constructor(pool: StagePool, bundle: Bundle, stages: readonly OpenStage[], onDamage: () => void) {
    this.#pool = pool;
    this.bundle = bundle;
    this.stages = stages;
    const keys = stages.map(({ key }) => key);
    const sessions = stages.map((stage, i) => {
      return new StageOfModel(stage, { prefix: keys.slice(0, i + 1).join(), onDamage });
    });
    this.session = new ChainSession(sessions, outputNames(bundle.manifest.decoder));
  }

  /** Errors: those of `load`, and then none of its stages stays. */
  static async open(pool: StagePool, bundle: Bundle, options: VersionOptions): Promise<ModelVersion> {
    const { label, mode, onDamage, signal } = options;
    const opened: OpenStage[] = [];
    try {
      for (const stage of bundle.stages) opened.push(await pool.open(stage, mode, { label, signal }));
      return new ModelVersion(pool, bundle, opened, onDamage);
    } catch (error) {
      await Promise.all(opened.map((stage) => pool.close(stage)));
      throw error;
    }
  }

  get isStreaming(): boolean {
    return this.stages.some(({ isStreaming }) => isStreaming);
  }

  /** Bytes of its mapped weights that are in memory now. */
  get mappedBytes(): number {
    return this.stages.reduce((sum, { file }) => sum + (file?.residentBytes() ?? 0), 0);
  }

  need(of: keyof StageNeed): number {
    return sumOf(
      this.stages.map(({ need }) => need),
      of,
    );
  }

  /** After the last run. */
  async close(): Promise<void> {
    await this.session.unload();
    for (const stage of this.stages) await this.#pool.close(stage);
  }
}
