import type { Session } from "../../session/execution-provider.ts";
import type { NamedTensors, Tensor } from "../../tensor/tensor.ts";
import { openPiece, openPrepared, type PieceContext } from "./open-pieces.ts";
import { type Piece, type StageCost, weightBytesOf } from "./prepared-model.ts";

/**
 * Below so many bytes of weights packed copies are kept without asking. Sums are rounded otherwise without them, and
 * what a clock decides may be decided otherwise the next time.
 */
const PACKED_BYTES = 8 * 2 ** 20;
/** Packed copies that take less than this share of the weights are kept likewise. */
const SMALL_SHARE = 1 / 4;
/** As much slower may a model be without packed copies, which take its weights' memory a second time. */
const SLOWER = 1.05;
const ROUNDS = 7;

/** How a whole model is best opened, what it takes then, and what it makes of `feeds`. */
export interface Stored {
  prepack: boolean;
  cost: StageCost;
  made: NamedTensors;
}

/** Whether packed copies of weights are worth their memory. Errors: those of `load` and `run`. */
export async function chooseStore(context: PieceContext, whole: Piece, feeds: NamedTensors): Promise<Stored> {
  const packed = await openPiece(context, whole, true);
  try {
    const made = await packed.run(0, feeds);
    const cost = costOf(packed, [whole]);
    const { weightsBytes } = packed.memory();
    const mappedBytes = weightBytesOf(whole);
    const isSmall = mappedBytes < PACKED_BYTES || weightsBytes <= mappedBytes * SMALL_SHARE;
    if (isSmall || context.file === undefined) return { prepack: true, cost, made };
    return (
      (await withoutPacking(context, { whole, feeds, packed })) ?? {
        prepack: true,
        cost,
        made,
      }
    );
  } finally {
    await packed.unload();
  }
}

/** Undefined where that is slower. */
async function withoutPacking(
  context: PieceContext,
  { feeds, packed, whole }: { whole: Piece; feeds: NamedTensors; packed: Session },
): Promise<Stored | undefined> {
  const session = await openPiece(context, whole, false);
  try {
    const made = await session.run(0, feeds);
    if ((await timesSlower(session, packed, feeds)) > SLOWER) return undefined;
    return { prepack: false, made, cost: costOf(session, [whole]) };
  } finally {
    await session.unload();
  }
}

/** What the slices take; undefined when they do not make the same of `feeds`, bit for bit. */
export async function measureSlices(
  context: PieceContext,
  { made, prepack }: Stored,
  { feeds, slices, whole }: { whole: Piece; slices: readonly Piece[]; feeds: NamedTensors },
): Promise<StageCost | undefined> {
  const session = await openPrepared(context, { whole, slices, prepack }, { isStreaming: true });
  try {
    const again = await session.run(0, feeds);
    const isSame = Object.entries(made).every(([name, tensor]) => areSame(tensor, again[name]));
    return isSame ? costOf(session, slices.length > 0 ? slices : [whole]) : undefined;
  } finally {
    await session.unload();
  }
}

function costOf(session: Session, pieces: readonly Piece[]): StageCost {
  const { activationPeakBytes, weightsBytes } = session.memory();
  const structureBytes = pieces.reduce((sum, piece) => sum + piece.structureBytes, 0);
  return { anonymousBytes: weightsBytes + structureBytes, activationBytes: activationPeakBytes };
}

/** The median of pairs of runs, one right behind the other, so that a busy moment meets both. */
async function timesSlower(session: Session, than: Session, feeds: NamedTensors): Promise<number> {
  const ratios: number[] = [];
  for (let i = 0; i < ROUNDS; i++) ratios.push((await runMs(session, feeds)) / (await runMs(than, feeds)));
  return ratios.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.POSITIVE_INFINITY;
}

async function runMs(session: Session, feeds: NamedTensors): Promise<number> {
  const startMs = performance.now();
  await session.run(0, feeds);
  return performance.now() - startMs;
}

function areSame(a: Tensor, b: Tensor | undefined): boolean {
  return b !== undefined && Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

const bytesOf = ({ data }: Tensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
