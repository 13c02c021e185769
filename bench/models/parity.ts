import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { GoldenModel } from "../../test/support/quantize-inputs.ts";
import { Reference } from "../../toolchain/quantize/agreement.ts";
import { calibrate } from "../../toolchain/quantize/calibrate/calibrate.ts";
import type { RangeMethod } from "../../toolchain/quantize/calibrate/ranges.ts";
import { plainFloat } from "../../toolchain/quantize/prepare.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { quantizeStatic } from "../../toolchain/quantize/static/quantize-static.ts";
import { SCHEMES, type Scheme } from "../../toolchain/quantize/static/schemes.ts";
import type { Result } from "../bench.ts";
import { quieter } from "./quieter.ts";
import { each, goldenSqnr, mean, openSubject } from "./subjects.ts";

interface Run {
  method: RangeMethod;
  headroom: Scheme["headroom"];
  /** Pairs as they are written, or the CPU's integer kernels. */
  level: "disabled" | "all";
}

/** By the names that the golden data has for them; the last is held against ours with another way of headroom. */
const RUNS: Readonly<Record<string, Run>> = {
  minmax: { method: { method: "minmax" }, headroom: "none", level: "disabled" },
  "percentile_99.999": {
    method: { method: "percentile", percentile: 99.999 },
    headroom: "none",
    level: "disabled",
  },
  entropy: { method: { method: "entropy" }, headroom: "none", level: "disabled" },
  minmax_reduce_range: { method: { method: "minmax" }, headroom: "pairs", level: "all" },
};

const MAX_LOSS_DB = 0.5;

/**
 * SQNR against what ONNX Runtime's own quantizer reached with the same graph, pictures and settings: convolutions and
 * matrix products only, a scale a channel, biases as they are. Golden data, so both ran on one machine, but not at one time.
 */
export async function parity(provider: ExecutionProvider, names: readonly GoldenModel[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) {
    const { calibration: inputs, float, heldOut } = await openSubject(provider, name, plainFloat);
    const plan = planQuantization(new Graph(copyModel(float)), { reach: "compute" });
    const calibration = await calibrate(provider, { model: float, plan }, each(inputs));
    const reference = await Reference.of(provider, float, heldOut);
    const golden = goldenSqnr(name);
    for (const [run, { headroom, level, method }] of Object.entries(RUNS)) {
      const scheme = { ...SCHEMES["linux-x64-vnni"], headroom };
      const model = quantizeStatic(float, calibration, {
        reach: "compute",
        scheme,
        method,
        correctBias: false,
      });
      const options = level === "disabled" ? ({ optimization: "none" } as const) : {};
      const ours = (await reference.compare(model, options)).sqnrDb;
      const theirs = mean(Object.values(golden[run]?.[level] ?? {}).map(mean));
      results.push(quieter(`output SQNR, ${name}, ${run}`, { ours, theirs }, -MAX_LOSS_DB));
    }
  }
  return results;
}
