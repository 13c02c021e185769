import { readFile } from "node:fs/promises";
import type { Session } from "../../session/execution-provider.ts";
import type { NamedTensors, Tensor } from "../../tensor/tensor.ts";
import { openPiece, openPrepared, type PieceContext } from "./open-pieces.ts";
import { type Piece, type StageCost, weightBytesOf } from "./prepared-model.ts";

/** Packed copies that take less than this share of the weights are kept without asking. */
const SMALL_SHARE = 1 / 4;
/** As much slower may a model be without packed copies, which take its weights' memory a second time. */
const SLOWER = 1.05;
const ROUNDS = 7;
/** What a session's structures take at least, whatever else happened in the process meanwhile. */
const SESSION_BYTES_MIN = 256 * 1024;
const PAGE_BYTES = 4096;

/** How a whole model is best opened, what it takes then, and what it makes of `feeds`. */
export interface Stored {
  prepack: boolean;
  cost: StageCost;
  made: NamedTensors;
}

/** Whether packed copies of weights are worth their memory. Errors: those of `load` and `run`. */
export async function chooseStore(context: PieceContext, whole: Piece, feeds: NamedTensors): Promise<Stored> {
  const packed = await openMeasured(context, whole, true);
  try {
    const made = await packed.session.run(0, feeds);
    const { activationPeakBytes, weightsBytes } = packed.session.memory();
    const cost = { anonymousBytes: packed.anonymousBytes, activationBytes: activationPeakBytes };
    const isSmall = weightsBytes <= weightBytesOf(whole) * SMALL_SHARE;
    if (isSmall || context.file === undefined) return { prepack: true, cost, made };
    return (
      (await withoutPacking(context, { whole, feeds, packed: packed.session })) ?? {
        prepack: true,
        cost,
        made,
      }
    );
  } finally {
    await packed.session.unload();
  }
}

/** Undefined where that is slower. */
async function withoutPacking(
  context: PieceContext,
  { feeds, packed, whole }: { whole: Piece; feeds: NamedTensors; packed: Session },
): Promise<Stored | undefined> {
  const { anonymousBytes, session } = await openMeasured(context, whole, false);
  try {
    const made = await session.run(0, feeds);
    if ((await timesSlower(session, packed, feeds)) > SLOWER) return undefined;
    return {
      prepack: false,
      made,
      cost: { anonymousBytes, activationBytes: session.memory().activationPeakBytes },
    };
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
  const before = await anonymousNow();
  const session = await openPrepared(context, { whole, slices, prepack }, { isStreaming: true });
  try {
    const anonymousBytes = Math.max(SESSION_BYTES_MIN, (await anonymousNow()) - before);
    const again = await session.run(0, feeds);
    const isSame = Object.entries(made).every(([name, tensor]) => areSame(tensor, again[name]));
    return isSame ? { anonymousBytes, activationBytes: session.memory().activationPeakBytes } : undefined;
  } finally {
    await session.unload();
  }
}

async function openMeasured(
  context: PieceContext,
  piece: Piece,
  prepack: boolean,
): Promise<{ session: Session; anonymousBytes: number }> {
  const before = await anonymousNow();
  const session = await openPiece(context, piece, prepack);
  return { session, anonymousBytes: Math.max(SESSION_BYTES_MIN, (await anonymousNow()) - before) };
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

/** Of this process: resident pages that belong to no file (proc_pid_statm(5)). */
async function anonymousNow(): Promise<number> {
  const [, resident = 0, shared = 0] = (await readFile("/proc/self/statm", "utf8")).split(" ").map(Number);
  return (resident - shared) * PAGE_BYTES;
}
