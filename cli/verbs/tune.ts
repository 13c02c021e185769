import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { changeConfig } from "../../config/change.ts";
import { loadConfig } from "../../config/load.ts";
import { modelsOf } from "../../config/schema/pipelines.ts";
import type { Config } from "../../config/schema/schema.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Path } from "../../runtime/base/json-schema.ts";
import { parseDurationMs } from "../../runtime/base/units.ts";
import { Progress } from "../progress.ts";
import { chooseTrial } from "../tune/choose.ts";
import { measureTrials, type TrialResult } from "../tune/measure.ts";
import { report } from "../tune/report.ts";
import { coreDivisions, type OpenTrial, openTrial, variantsOf } from "../tune/trial.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

const SLO_MS = 100;

/** Measures which settings suit a model best on this machine, and writes them into the configuration. */
export const tune: Verb = {
  name: "tune",
  summary: "find the fastest settings for a model on this machine and write them into the configuration",
  usage:
    "tune --config FILE --model NAME [--slo 50ms] [--dry-run]\n  --slo is the time within which a frame must be judged; default: the shortest deadline of the model and its pipelines, or 100ms",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(tune, args, {
      config: { type: "string", short: "c" },
      model: { type: "string", short: "m" },
      slo: { type: "string" },
      "dry-run": { type: "boolean", default: false },
    });
    requirePositionals(tune, [], positionals);
    if (!values.config || !values.model)
      throw usageError(tune, "--config FILE and --model NAME are required");
    const file = resolve(context.cwd, values.config);
    const config = loadConfig(file, { env: context.env });
    const model = config.models[values.model];
    if (!model)
      throw new SightlineError("ERR_MODEL_UNKNOWN", `there is no model "${values.model}" in ${file}`);
    const sloMs = values.slo === undefined ? sloOf(config, values.model) : parseDurationMs(values.slo);
    if (!(sloMs !== undefined && sloMs > 0)) throw usageError(tune, "--slo must be a duration such as 50ms");
    const isAlone = Object.keys(config.models).length === 1;
    const divisions = coreDivisions(
      availableParallelism(),
      isAlone ? undefined : config.engine.threads_per_slot,
    );
    const measured = await measure(model, divisions, context);
    // Another variant may be faster, but speed does not say if it is accurate enough.
    const used = measured.filter(({ trial }) => trial.variant === measured[0]?.trial.variant);
    const chosen = chooseTrial(used, sloMs);
    context.out(report(measured, chosen));
    if (!chosen) throw tooSlow(used, sloMs);
    const settings = settingsFor(values.model, chosen, isAlone);
    const written = values["dry-run"] ? "not written" : `written to ${values.config}`;
    context.out(`\nbest settings for an answer within ${sloMs} ms (${written}):`);
    for (const { path, value } of settings) context.out(`  ${path.join(".")}: ${value}`);
    if (!values["dry-run"]) changeConfig(file, settings, { env: context.env });
    return 0;
  },
};

function sloOf({ models, pipelines }: Config, name: string): number {
  const own = Object.values(pipelines).flatMap((pipeline) =>
    modelsOf(pipeline).includes(name) ? [pipeline.deadline] : [],
  );
  const deadlines = [models[name]?.deadline, ...own].filter((each) => each !== undefined);
  return deadlines.length > 0 ? Math.min(...deadlines) : SLO_MS;
}

async function measure(
  { bundle, variant }: Config["models"][string],
  divisions: ReturnType<typeof coreDivisions>,
  context: CommandContext,
): Promise<TrialResult[]> {
  const progress = new Progress(context);
  const opened: OpenTrial[] = [];
  try {
    for (const each of await variantsOf(bundle, variant)) {
      for (const division of divisions) {
        progress.show("opening", opened.length, 0);
        opened.push(await openTrial(bundle, { variant: each, ...division }));
      }
    }
    return await measureTrials(opened, (done, of) => progress.show("measuring", done, of));
  } finally {
    progress.end();
    await Promise.all(opened.map(({ close }) => close()));
  }
}

function tooSlow(measured: readonly TrialResult[], sloMs: number): SightlineError {
  const least = Math.min(...measured.map(({ p95Ms }) => 2 * p95Ms));
  return new SightlineError("ERR_DEADLINE", `no settings can answer within ${sloMs} ms`, {
    hint: `This machine needs ${Math.ceil(least)} ms for a frame that arrives just after a run has started: allow that much, or use a smaller variant.`,
  });
}

/** Threads belong to the engine, so a model that shares it with others is measured with the threads that it has. */
function settingsFor(
  name: string,
  { trial }: TrialResult,
  isAlone: boolean,
): { path: Path; value: number }[] {
  const settings = [
    { path: ["models", name, "max_batch"], value: trial.batch },
    { path: ["models", name, "instances"], value: trial.instances },
  ];
  if (!isAlone) return settings;
  return [
    ...settings,
    { path: ["engine", "slots"], value: trial.instances },
    { path: ["engine", "threads_per_slot"], value: trial.threads },
  ];
}
