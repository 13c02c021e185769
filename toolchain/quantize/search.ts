import { SightlineError } from "../../runtime/base/errors.ts";
import { Reference } from "./agreement.ts";
import type { RangeMethod } from "./calibrate/ranges.ts";
import { evaluation, halves, type Material, type QuantizeDeps, type QuantizeJob } from "./job.ts";
import { latenciesMs } from "./latency.ts";
import { mixedPrecision } from "./static/mixed-precision.ts";
import { planQuantization } from "./static/plan.ts";
import { quantizeStatic, type StaticSettings } from "./static/quantize-static.ts";
import { SCHEMES } from "./static/schemes.ts";

const METHODS: readonly RangeMethod[] = [
  { method: "minmax" },
  { method: "mean-minmax" },
  { method: "percentile", percentile: 99.999 },
  { method: "percentile", percentile: 99.99 },
  { method: "mse" },
  { method: "entropy" },
];

/** Tries settings out on one half of the held-out inputs. */
export class Search {
  readonly #deps: QuantizeDeps;
  readonly #job: QuantizeJob;
  readonly #material: Material;
  #reference: Reference | undefined;

  constructor(deps: QuantizeDeps, job: QuantizeJob, material: Material) {
    this.#deps = deps;
    this.#job = job;
    this.#material = material;
  }

  async open(): Promise<void> {
    const { choosing } = halves(this.#job);
    this.#reference = await Reference.of(this.#deps.provider, this.#material.float, choosing);
  }

  async settings(): Promise<StaticSettings> {
    const best = await this.#bestMethod();
    let minSqnrDb = this.#job.minSqnrDb;
    for (let round = 0; ; round++) {
      const mixed = await this.#mixed(best, minSqnrDb);
      const settings = { ...best, exclude: mixed.exclude };
      if (round === SCORE_ROUNDS || (await this.#dropIsFine(settings))) return this.#quickerReach(settings);
      // The score asks for more than the outputs' SQNR did.
      minSqnrDb = mixed.score + SCORE_STEP_DB;
    }
  }

  async #sqnrDb(settings: StaticSettings): Promise<number> {
    const { float, calibration } = this.#material;
    const model = quantizeStatic(float, calibration, settings);
    const agreement = await this.#reference?.compare(model, evaluation(this.#job));
    return agreement?.sqnrDb ?? Number.NaN;
  }

  async #bestMethod(): Promise<StaticSettings> {
    const { method, target } = this.#job;
    const candidates = (method ? [method] : METHODS).flatMap((m) =>
      [true, false].map((correctBias) => ({ method: m, correctBias })),
    );
    let best: { settings: StaticSettings; sqnrDb: number } | undefined;
    for (const [i, candidate] of candidates.entries()) {
      const settings: StaticSettings = { reach: "all", scheme: SCHEMES[target], ...candidate };
      const sqnrDb = await this.#sqnrDb(settings);
      if (!best || sqnrDb > best.sqnrDb) best = { settings, sqnrDb };
      this.#deps.onProgress("choose ranges", i + 1, candidates.length);
    }
    if (best) return best.settings;
    throw new SightlineError("ERR_QUANTIZE_RANGE", "no settings were tried");
  }

  #mixed(best: StaticSettings, minSqnrDb: number) {
    const { graph } = this.#material;
    const { nodes } = planQuantization(graph, { reach: "compute" });
    return mixedPrecision((exclude) => this.#sqnrDb({ ...best, exclude }), {
      layers: [...nodes.keys()].map((node) => node.output[0] ?? ""),
      target: minSqnrDb,
      onProgress: (done, of) => this.#deps.onProgress("find layers that stay float", done, of),
    });
  }

  async #dropIsFine(settings: StaticSettings): Promise<boolean> {
    const { score } = this.#job;
    if (!score || !this.#job.runsHere) return true;
    const { float, calibration } = this.#material;
    const before = await score.of(float);
    const after = await score.of(quantizeStatic(float, calibration, settings));
    return before.score - after.score <= score.maxDrop;
  }

  /** Codes that pass on as codes save conversions and cost integer kernels for what is cheap in float: measured. */
  async #quickerReach(settings: StaticSettings): Promise<StaticSettings> {
    const [input] = this.#job.heldOut;
    if (!this.#job.runsHere || !input) return settings;
    const { float, calibration } = this.#material;
    const narrow: StaticSettings = { ...settings, reach: "compute" };
    const models = [settings, narrow].map((each) => quantizeStatic(float, calibration, each));
    const [wideMs = 0, narrowMs = 0] = await latenciesMs(this.#deps.provider, models, input);
    return narrowMs < wideMs * NARROW_GAIN ? narrow : settings;
  }
}

const SCORE_ROUNDS = 4;
const SCORE_STEP_DB = 2;
/** A difference that noise does not make. */
const NARROW_GAIN = 0.97;
