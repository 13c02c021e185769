import type { ExecutionProvider, Session, WeightsFile } from "../../session/execution-provider.ts";
import { SlicedSession } from "../sliced-session.ts";
import { type Piece, type PreparedModel, readPiece } from "./prepared-model.ts";

export interface PieceContext {
  provider: ExecutionProvider;
  /** Where the pieces are. */
  folder: string;
  /** Undefined when all weights stand in the graphs. */
  file: WeightsFile | undefined;
  label: string;
  signal?: AbortSignal | undefined;
}

/** Opens one graph over the mapped weights, as it was optimised. Errors: those of `load`, ERR_MODEL_DIGEST. */
export async function openPiece(
  { file, folder, label, provider, signal }: PieceContext,
  piece: Piece,
  prepack: boolean,
): Promise<Session> {
  return provider.load(await readPiece(folder, piece), {
    optimization: "none",
    label,
    entries: {
      "session.model_external_initializers_file_folder_path": folder,
      "session.disable_prepacking": prepack ? "0" : "1",
    },
    ...(file && { weights: { file, tensors: piece.tensors } }),
    ...(signal && { signal }),
  });
}

/** The stage in one piece, or in slices whose weights come and go. */
export async function openPrepared(
  context: PieceContext,
  { prepack, slices, whole }: Pick<PreparedModel, "prepack" | "slices" | "whole">,
  { isStreaming }: { isStreaming: boolean },
): Promise<Session> {
  if (!isStreaming || slices.length === 0) return openPiece(context, whole, prepack);
  const opened: Session[] = [];
  try {
    for (const slice of slices) opened.push(await openPiece(context, slice, prepack));
  } catch (error) {
    await Promise.all(opened.map((session) => session.unload()));
    throw error;
  }
  return new SlicedSession(opened, whole.outputs);
}
