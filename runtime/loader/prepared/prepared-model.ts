import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type FileIdentity, identityOf } from "../../../models/bundle/file-identity.ts";
import { SightlineError } from "../../base/errors.ts";
import type { MappedTensor } from "../../session/execution-provider.ts";

/** A graph that ONNX Runtime has optimised for this machine; its larger tensors lie in the file of weights. */
export interface Piece {
  file: string;
  sha256: string;
  tensors: readonly MappedTensor[];
  inputs: readonly string[];
  outputs: readonly string[];
  /** What ONNX Runtime builds from the graph when it opens it: nodes, kernels, plans. See `structureBytesOf`. */
  structureBytes: number;
}

/** What a stage was measured to take, in bytes. */
export interface StageCost {
  /** Packed weights and structures of its session. */
  anonymousBytes: number;
  /** Tensors between layers, at most. */
  activationBytes: number;
}

/** What `prepared.json` says of a stage of a model, made ready for this machine. */
export interface PreparedModel {
  version: 2;
  /** Whether ONNX Runtime keeps packed copies of weights: where that is quicker, or takes little. */
  prepack: boolean;
  whole: Piece;
  /** The same in order, each with a part of the weights; none where it is too small to be divided, or cannot be. */
  slices: readonly Piece[];
  /** Undefined when all weights are so small that they stand in the graph. */
  weights?: { bytes: number; sha256: string; identity: FileIdentity; madeAtMs: number };
  cost: { whole: StageCost; slices: StageCost };
}

export const PREPARED_FILE = "prepared.json";
export const WEIGHTS_FILE = "weights.bin";

/** Undefined when there is none, or none that this version of Sightline can use. */
export async function readPrepared(folder: string): Promise<PreparedModel | undefined> {
  try {
    const prepared: PreparedModel = JSON.parse(await readFile(join(folder, PREPARED_FILE), "utf8"));
    return prepared.version === 2 && Array.isArray(prepared.slices) ? prepared : undefined;
  } catch {
    return undefined;
  }
}

/** The piece's graph, which is what was written. Errors: ERR_MODEL_DIGEST. */
export async function readPiece(folder: string, { file, sha256 }: Piece): Promise<Buffer> {
  const path = join(folder, file);
  try {
    const bytes = await readFile(path);
    if (createHash("sha256").update(bytes).digest("hex") === sha256) return bytes;
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_DIGEST", error, path);
  }
  throw new SightlineError("ERR_MODEL_DIGEST", `${path} differs from what was written`);
}

/**
 * Estimates what a session holds besides its weights. Fitted to what the kernel counts as private memory of 15 sessions
 * of each of eight models with 2 to 267 nodes (ONNX Runtime 1.30, x64); those above 300 kB take 0.9 to 1.1 times it.
 * Counting allocations during a load would count those of other threads as well.
 */
export const structureBytesOf = (graph: { nodes: number; bytes: number }): number =>
  64 * 1024 + 8 * 1024 * graph.nodes + 2 * graph.bytes;

export const identityOfFile = async (path: string): Promise<FileIdentity> =>
  identityOf(await stat(path, { bigint: true }));

/** Bytes of weights that the piece reads. */
export const weightBytesOf = ({ tensors }: Piece): number =>
  tensors.reduce((sum, { bytes }) => sum + bytes, 0);
