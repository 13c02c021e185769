import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { loadChain } from "../../runtime/session/chain-session.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import type { GoldenModel } from "../../test/support/quantize-inputs.ts";
import { calibrate } from "../../toolchain/quantize/calibrate/calibrate.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { quantizeStatic } from "../../toolchain/quantize/static/quantize-static.ts";
import { SCHEMES } from "../../toolchain/quantize/static/schemes.ts";
import { splitModel } from "../../toolchain/split/split.ts";
import { least, median, type Result } from "../bench.ts";
import { each, openSubject } from "./subjects.ts";

const ROUNDS = 15;
const ROUND_MS = 30;
const MAX_RATIO = 1.15;

/** Stages against the whole: bit for bit the same with 1 and 2 threads, and hardly slower when warm. */
export async function stages(
  provider: ExecutionProvider,
  names: readonly GoldenModel[],
  counts: readonly number[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) {
    const { calibration, float, heldOut } = await openSubject(provider, name);
    const feeds = heldOut.slice(0, 2) as [NamedTensors, ...NamedTensors[]];
    const int8 = await inInt8(provider, float, calibration.slice(0, 4));
    for (const [kind, model] of [
      ["float", float],
      ["int8", int8],
    ] as const) {
      let exact = 0;
      for (const count of counts) {
        const split = await splitModel(provider, model, { feeds, plan: { stages: count } });
        if (split.isBitExact && split.stages.length === count) exact++;
        if (count !== counts[0]) continue;
        results.push(
          await latency(
            provider,
            `${name} ${kind} in ${count} stages`,
            model,
            split.stages.map((s) => s.model),
            feeds[0],
          ),
        );
      }
      results.push(
        least(
          `${name} ${kind}: bit for bit the whole in ${counts.join(", ")} stages`,
          "of these",
          exact,
          counts.length,
        ),
      );
    }
  }
  return results;
}

async function inInt8(provider: ExecutionProvider, float: ModelProto, inputs: readonly NamedTensors[]) {
  const plan = planQuantization(new Graph(copyModel(float)), { reach: "all" });
  const calibration = await calibrate(provider, { model: float, plan }, each(inputs));
  const settings = {
    reach: "all",
    scheme: SCHEMES.any,
    method: { method: "minmax" },
    correctBias: false,
  } as const;
  return quantizeStatic(float, calibration, settings);
}

async function latency(
  provider: ExecutionProvider,
  name: string,
  whole: ModelProto,
  parts: readonly ModelProto[],
  input: NamedTensors,
): Promise<Result> {
  const sessions = [
    await loadChain(provider, parts.map(encodeModel)),
    await provider.load(encodeModel(whole)),
  ];
  const run = async (i: number, times: number): Promise<number> => {
    const begun = performance.now();
    for (let n = 0; n < times; n++) await sessions[i]?.run(0, input);
    return (performance.now() - begun) / times;
  };
  const samples: [number[], number[]] = [[], []];
  const times = Math.ceil(ROUND_MS / (await run(1, 3)));
  await run(0, times);
  for (let round = 0; round < ROUNDS; round++)
    for (const i of [0, 1] as const) samples[i].push(await run(i, times));
  await Promise.all(sessions.map((session) => session.unload()));
  const [ours, theirs] = [median(samples[0]), median(samples[1])];
  const ok = ours / theirs <= MAX_RATIO;
  return {
    case: name,
    unit: "ms",
    ours,
    theirs,
    ratio: theirs / ours,
    goal: `≤ ${MAX_RATIO}× the whole's`,
    ok,
  };
}
