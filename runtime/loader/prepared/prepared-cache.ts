import { createHash } from "node:crypto";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { StageFile } from "../../../models/bundle/bundle.ts";
import { verify } from "../../../models/bundle/files.ts";
import { VerifiedBefore } from "../../../models/bundle/verified-before.ts";
import { SightlineError } from "../../base/errors.ts";
import type { ExecutionProvider, Session } from "../../session/execution-provider.ts";
import type { NamedTensors } from "../../tensor/tensor.ts";
import { openPrepared, type PieceContext } from "./open-pieces.ts";
import { PREPARED_FILE, type PreparedModel, readPrepared, WEIGHTS_FILE } from "./prepared-model.ts";

/** A stage that stands ready in a folder of the cache. */
export interface PreparedStage extends PreparedModel {
  folder: string;
}

export interface CacheOptions {
  folder: string;
  /** What an optimised graph depends on besides its model: the CPU's features, and how many threads run it. */
  machine: readonly string[];
}

export interface TryOptions {
  /** What the stage is to be tried with. */
  feeds(): Promise<NamedTensors>;
  /** Says in the flight record what is being opened. */
  label: string;
  signal?: AbortSignal | undefined;
}

export interface OpenStageOptions extends Omit<PieceContext, "provider" | "folder"> {
  isStreaming: boolean;
}

/** What the loader needs of the cache. */
export type StageCache = Pick<PreparedCache, "sweep" | "keyOf" | "find" | "get" | "open" | "drop">;

/** What nobody opened for so long goes. */
const UNUSED_MS = 30 * 24 * 3_600_000;
const PART = /\.part$/;

/** Stages made ready for this machine, on disk; each is made once, however many models have it. */
export class PreparedCache {
  readonly #provider: ExecutionProvider;
  readonly #options: CacheOptions;
  readonly #making = new Map<string, Promise<PreparedStage>>();

  constructor(provider: ExecutionProvider, options: CacheOptions) {
    this.#provider = provider;
    this.#options = options;
  }

  /** Deletes what a process that ended left half-made, and what has not been opened for 30 days. `nowMs` is wall time. */
  async sweep(nowMs: number): Promise<void> {
    const names = await readdir(this.#options.folder).catch(() => []);
    for (const name of names.filter((each) => /^[0-9a-f]{64}/.test(each))) {
      const path = join(this.#options.folder, name);
      const usedMs = await stat(join(path, PREPARED_FILE)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      if (PART.test(name) || usedMs < nowMs - UNUSED_MS) await rm(path, { recursive: true, force: true });
    }
  }

  /** Stages of one digest are the same, and so are their keys. */
  keyOf({ sha256, weights }: StageFile): string {
    const parts = [
      "1",
      sha256,
      weights?.sha256 ?? "",
      this.#provider.runtimeVersion,
      ...this.#options.machine,
    ];
    return createHash("sha256").update(parts.join("\n")).digest("hex");
  }

  /** What is known of a stage without opening it; undefined before it was first made. */
  async find(stage: StageFile): Promise<PreparedStage | undefined> {
    const folder = this.#folderOf(stage);
    const prepared = await readPrepared(folder);
    return prepared && { ...prepared, folder };
  }

  /**
   * The stage, made at the first time, and again when its files are not what was written.  Errors: those of `prepare`.
   */
  async get(stage: StageFile, { feeds, label, signal }: TryOptions): Promise<PreparedStage> {
    const found = await this.find(stage);
    if (found && (await isWhole(found))) {
      await utimes(join(found.folder, PREPARED_FILE), new Date(), new Date()).catch(() => {});
      return found;
    }
    const key = this.keyOf(stage);
    const made = this.#making.get(key) ?? this.#make(stage, { feeds, label, signal });
    this.#making.set(key, made);
    return made.finally(() => this.#making.delete(key));
  }

  /** The stage as a session, over its mapped weights. Errors: those of `load`, ERR_MODEL_DIGEST. */
  open(prepared: PreparedStage, { isStreaming, ...options }: OpenStageOptions): Promise<Session> {
    const context = { provider: this.#provider, folder: prepared.folder, ...options };
    return openPrepared(context, prepared, { isStreaming });
  }

  /** Forgets a stage whose files turned out to be damaged. */
  async drop(stage: StageFile): Promise<void> {
    await rm(this.#folderOf(stage), { recursive: true, force: true });
  }

  async #make(stage: StageFile, { feeds, ...options }: TryOptions): Promise<PreparedStage> {
    const folder = this.#folderOf(stage);
    // Reading and writing ONNX is needed here alone: a start with models that stand ready does not load it.
    const { prepare } = await import("./prepare.ts");
    const prepared = await prepare(this.#provider, stage, { ...options, feeds: await feeds(), folder });
    return { ...prepared, folder };
  }

  #folderOf(stage: StageFile): string {
    return join(this.#options.folder, this.keyOf(stage));
  }
}

/** Whether the weights are those that were written: by the file system's word, or else by their digest. */
async function isWhole({ folder, weights }: PreparedStage): Promise<boolean> {
  if (!weights) return true;
  const path = join(folder, WEIGHTS_FILE);
  const { bytes, identity, madeAtMs: atMs, sha256 } = weights;
  try {
    await verify({ path, bytes, sha256 }, new VerifiedBefore({ [path]: { sha256, identity, atMs } }));
    return true;
  } catch (error) {
    if (error instanceof SightlineError) return false;
    throw error;
  }
}
