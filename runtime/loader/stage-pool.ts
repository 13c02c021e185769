import { dirname, join } from "node:path";
import type { StageFile } from "../../models/bundle/bundle.ts";
import { readVerified } from "../../models/bundle/files.ts";
import { SightlineError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ExecutionProvider, Session, WeightsFile } from "../session/execution-provider.ts";
import type { StageCache, TryOptions } from "./prepared/prepared-cache.ts";
import { WEIGHTS_FILE } from "./prepared/prepared-model.ts";
import { SharedRuns } from "./shared-runs.ts";
import { type StageNeed, stageNeed, unknownNeed } from "./stage-need.ts";

/** A stage in memory. */
export interface OpenStage {
  readonly key: string;
  readonly stage: StageFile;
  readonly session: Session;
  readonly runs: SharedRuns;
  readonly need: StageNeed;
  readonly isStreaming: boolean;
  /** Undefined where nothing is mapped. */
  readonly file: WeightsFile | undefined;
}

interface Entry {
  users: number;
  /** Settles when its memory has been given back; set when the last user has closed it. */
  closing?: Promise<void>;
  need: StageNeed;
  opened: Promise<OpenStage>;
}

/** Without what it would be tried with. */
export type OpenOptions = Omit<TryOptions, "feeds">;

export interface StageMode {
  isStreaming: boolean;
}

interface Deps {
  provider: ExecutionProvider;
  cache: StageCache;
  logger: Logger;
}

/** The stages that are in memory, each once however many models have it. */
export class StagePool {
  readonly #deps: Deps;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Bytes that count against the budget, of stages that are open or being opened. */
  get residentBytes(): number {
    return [...this.#entries.values()].reduce((sum, { need }) => sum + need.residentBytes, 0);
  }

  keyOf(stage: StageFile, { isStreaming }: StageMode): string {
    return `${this.#deps.cache.keyOf(stage)}${isStreaming ? "-streaming" : ""}`;
  }

  has(stage: StageFile, mode: StageMode): boolean {
    return this.#entries.has(this.keyOf(stage, mode));
  }

  /** How many models have the stage open. */
  usersOf(key: string): number {
    return this.#entries.get(key)?.users ?? 0;
  }

  /**
   * Makes the stage ready for this machine if it never was; where that cannot be, it will be opened as the bundle has
   * it. Errors: ERR_SESSION_CANCELLED.
   */
  async prepare(stage: StageFile, options: TryOptions): Promise<void> {
    try {
      await this.#deps.cache.get(stage, options);
    } catch (error) {
      if (isCancelled(error)) throw error;
      this.#deps.logger.warn(
        { err: error, label: options.label },
        "the model cache cannot be written; the model opens without it",
      );
    }
  }

  /** What the stage takes in either mode: as it was measured, or guessed of one that is not in the cache. */
  async needOf(stage: StageFile): Promise<{ warm: StageNeed; streaming: StageNeed | undefined }> {
    const prepared = await this.#deps.cache.find(stage);
    if (!prepared) return { warm: unknownNeed(stage), streaming: undefined };
    const streaming = prepared.slices.length > 0 ? stageNeed(prepared, { isStreaming: true }) : undefined;
    return { warm: stageNeed(prepared, { isStreaming: false }), streaming };
  }

  /** Opens the stage, or takes part in one that is open; `close` once for each. Errors: those of `load`. */
  async open(stage: StageFile, mode: StageMode, options: OpenOptions): Promise<OpenStage> {
    const key = this.keyOf(stage, mode);
    // One that is on its way out is not taken part in: its session answers nobody any more.
    for (let left = this.#entries.get(key); left?.closing; left = this.#entries.get(key)) await left.closing;
    const entry = this.#entries.get(key) ?? this.#begin(key, stage, { mode, options });
    entry.users++;
    try {
      return await entry.opened;
    } catch (error) {
      if (--entry.users === 0) this.#entries.delete(key);
      throw error;
    }
  }

  /** Gives the stage's memory back when its last user closes it. */
  async close({ file, key, session }: OpenStage): Promise<void> {
    const entry = this.#entries.get(key);
    if (!entry || --entry.users > 0) return;
    entry.closing = session.unload().finally(() => {
      file?.close();
      this.#entries.delete(key);
    });
    await entry.closing;
  }

  #begin(key: string, stage: StageFile, { mode, options }: { mode: StageMode; options: OpenOptions }): Entry {
    const opened = this.#load(key, stage, mode, options);
    const entry: Entry = { users: 0, need: unknownNeed(stage), opened };
    void opened.then(
      ({ need }) => {
        entry.need = need;
      },
      () => {},
    );
    this.#entries.set(key, entry);
    return entry;
  }

  async #load(
    key: string,
    stage: StageFile,
    { isStreaming }: StageMode,
    options: OpenOptions,
  ): Promise<OpenStage> {
    const { cache, provider } = this.#deps;
    const prepared = await cache.find(stage);
    if (!prepared) return this.#loadDirectly(key, stage, options);
    const { folder, weights } = prepared;
    const file = weights && (await provider.map(join(folder, WEIGHTS_FILE)));
    try {
      const session = await cache.open(prepared, { file, isStreaming, ...options });
      const runs = new SharedRuns(() => this.usersOf(key));
      return { key, stage, session, runs, need: stageNeed(prepared, { isStreaming }), isStreaming, file };
    } catch (error) {
      file?.close();
      throw error;
    }
  }

  /** As the bundle has it: slower to open, and in memory as a whole. */
  async #loadDirectly(key: string, stage: StageFile, { label, signal }: OpenOptions): Promise<OpenStage> {
    const session = await this.#deps.provider.load(await readVerified(stage), {
      label,
      entries: { "session.model_external_initializers_file_folder_path": dirname(stage.path) },
      ...(signal && { signal }),
    });
    const runs = new SharedRuns(() => this.usersOf(key));
    return { key, stage, session, runs, need: unknownNeed(stage), isStreaming: false, file: undefined };
  }
}

const isCancelled = (error: unknown): boolean =>
  error instanceof SightlineError && error.code === "ERR_SESSION_CANCELLED";
