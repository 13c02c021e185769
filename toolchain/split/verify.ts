import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { loadChain } from "../../runtime/session/chain-session.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors, Tensor } from "../../runtime/tensor/tensor.ts";

/** How near a chain of stages comes to the whole model. */
export interface Likeness {
  /** Every bit of every output is the same. */
  isBitExact: boolean;
  /** Signal to noise of the least alike output, 20·log10(|whole| ÷ |whole − chain|); Infinity when all are equal. */
  sqnrDb: number;
}

/** With two threads ONNX Runtime divides the work of an operator, with one it does not. */
const THREADS = [1, 2];

/** What the whole model makes of each of `feeds`, for each number of threads. */
export type Reference = readonly (readonly NamedTensors[])[];

/** Runs a model as a daemon does: with all of ONNX Runtime's optimisations. */
export function runWhole(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: readonly NamedTensors[],
): Promise<Reference> {
  return runAll(provider, [model], feeds);
}

/** Compares stages with what the whole made of the same feeds. Errors: those of `load` and `run`. */
export async function compareChain(
  provider: ExecutionProvider,
  stages: readonly ModelProto[],
  { feeds, whole }: { feeds: readonly NamedTensors[]; whole: Reference },
): Promise<Likeness> {
  const outputs = Object.keys(whole[0]?.[0] ?? {});
  const chain = await runAll(provider, stages, feeds, outputs);
  const pairs = whole
    .flat()
    .flatMap((made, i) => outputs.map((name) => [made[name], chain.flat()[i]?.[name]]));
  return {
    isBitExact: pairs.every(([a, b]) => areSame(a, b)),
    sqnrDb: Math.min(...pairs.map(([a, b]) => sqnrDb(a, b))),
  };
}

async function runAll(
  provider: ExecutionProvider,
  stages: readonly ModelProto[],
  feeds: readonly NamedTensors[],
  outputs?: readonly string[],
): Promise<NamedTensors[][]> {
  const results: NamedTensors[][] = [];
  for (const intraOpThreads of THREADS) {
    const session = await loadChain(provider, stages.map(encodeModel), { intraOpThreads }, outputs);
    try {
      const made: NamedTensors[] = [];
      for (const each of feeds) made.push(await session.run(0, each));
      results.push(made);
    } finally {
      await session.unload();
    }
  }
  return results;
}

function areSame(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.dims.join() === b.dims.join() && Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

const bytesOf = ({ data }: Tensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** 0 where shapes differ: nothing of the signal is left. */
function sqnrDb(wanted: Tensor | undefined, given: Tensor | undefined): number {
  if (areSame(wanted, given)) return Number.POSITIVE_INFINITY;
  if (wanted === undefined || given?.data.length !== wanted.data.length) return 0;
  const [a, b] = [numbersOf(wanted), numbersOf(given)];
  let signal = 0;
  let noise = 0;
  for (const [i, value] of a.entries()) {
    signal += value ** 2;
    noise += (value - (b[i] ?? 0)) ** 2;
  }
  return noise > 0 ? 10 * Math.log10(signal / noise) : 0;
}

/** Halves are held as their bits. */
function numbersOf({ dtype, data }: Tensor): Float64Array {
  const values = dtype === "float16" ? new Float16Array(data.buffer, data.byteOffset, data.length) : data;
  return Float64Array.from<number | bigint>(values as ArrayLike<number | bigint>, Number);
}
