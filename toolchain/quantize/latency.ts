import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";

const ROUNDS = 15;
const ROUND_MS_MIN = 20;

/**
 * Median milliseconds a run of each model, one thread each, warm. The models take turns, so that what else the machine
 * does meets all of them. Errors: ERR_MODEL_LOAD, ERR_SESSION_RUN.
 */
export async function latenciesMs(
  provider: ExecutionProvider,
  models: readonly ModelProto[],
  input: NamedTensors,
): Promise<number[]> {
  const sessions = await Promise.all(
    models.map((model) => provider.load(encodeModel(model), { intraOpThreads: 1 })),
  );
  const run = async (i: number, times: number): Promise<number> => {
    const begun = performance.now();
    for (let n = 0; n < times; n++) await sessions[i]?.run(0, input);
    return (performance.now() - begun) / times;
  };
  try {
    const samples: number[][] = models.map(() => []);
    // Short runs are timed several at once: a timer's tick and the hop between threads would count otherwise.
    const times: number[] = [];
    for (const i of models.keys()) times[i] = Math.ceil(ROUND_MS_MIN / (await run(i, 2)));
    for (let round = 0; round < ROUNDS; round++) {
      for (const i of models.keys()) samples[i]?.push(await run(i, times[i] ?? 1));
    }
    return samples.map(median);
  } finally {
    await Promise.all(sessions.map((session) => session.unload()));
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
