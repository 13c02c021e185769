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
import { chooseWay } from "../tune/choose.ts";
import { type Measured, measureWays } from "../tune/measure.ts";
import { report } from "../tune/report.ts";
import { divisions, type Opened, openWay, variantsOf } from "../tune/ways.ts";
import { exactly, type Io, parseVerbArgs, usageError, type Verb } from "../verb.ts";

const SLO_MS = 100;

/** Measures how a model runs best on this machine, and writes that into the configuration. */
export const tune: Verb = {
  name: "tune",
  summary: "measure how a model runs best on this machine, and write it into the configuration",
  usage:
    "tune --config FILE --model NAME [--slo 50ms] [--dry-run]\n  a frame is to be judged within --slo; left out: the shortest deadline of the model and its pipelines, or 100ms",
  async run(args, io) {
    const { positionals, values } = parseVerbArgs(tune, args, {
      config: { type: "string", short: "c" },
      model: { type: "string", short: "m" },
      slo: { type: "string" },
      "dry-run": { type: "boolean", default: false },
    });
    exactly(tune, [], positionals);
    if (!values.config || !values.model) throw usageError(tune, "--config FILE and --model NAME are needed");
    const file = resolve(io.cwd, values.config);
    const config = loadConfig(file, { env: io.env });
    const model = config.models[values.model];
    if (!model)
      throw new SightlineError("ERR_MODEL_UNKNOWN", `there is no model "${values.model}" in ${file}`);
    const sloMs = values.slo === undefined ? sloOf(config, values.model) : parseDurationMs(values.slo);
    if (!(sloMs !== undefined && sloMs > 0)) throw usageError(tune, "--slo is a duration, such as 50ms");
    const isAlone = Object.keys(config.models).length === 1;
    const ways = divisions(availableParallelism(), isAlone ? undefined : config.engine.threads_per_slot);
    const measured = await measure(model, ways, io);
    const chosen = chosenOf(measured, sloMs);
    io.out(report(measured, chosen));
    const settings = settingsFor(values.model, chosen, isAlone);
    io.out(`\nwithin ${sloMs} ms ${values["dry-run"] ? "it would be" : "now in the configuration"}:`);
    for (const { path, value } of settings) io.out(`  ${path.join(".")}: ${value}`);
    if (!values["dry-run"]) changeConfig(file, settings, { env: io.env });
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
  ways: ReturnType<typeof divisions>,
  io: Io,
): Promise<Measured[]> {
  const progress = new Progress(io);
  const opened: Opened[] = [];
  try {
    for (const each of await variantsOf(bundle, variant)) {
      for (const division of ways) {
        progress.show("opening", opened.length, 0);
        opened.push(await openWay(bundle, { variant: each, ...division }));
      }
    }
    return await measureWays(opened, (done, of) => progress.show("measuring", done, of));
  } finally {
    progress.end();
    await Promise.all(opened.map(({ close }) => close()));
  }
}

/** Of the variant that is in use: which of them is as accurate as need be is not said by how fast it is. */
function chosenOf(measured: readonly Measured[], sloMs: number): Measured {
  const used = measured.filter(({ way }) => way.variant === measured[0]?.way.variant);
  const chosen = chooseWay(used, sloMs);
  if (chosen) return chosen;
  const least = Math.min(...used.map(({ p95Ms }) => 2 * p95Ms));
  throw new SightlineError("ERR_DEADLINE", `no way to run it answers within ${sloMs} ms`, {
    hint: `This machine needs ${Math.ceil(least)} ms for a frame that comes just behind another: allow that, or take a smaller variant.`,
  });
}

/** Threads are the engine's: a model that shares it is measured with those that it has. */
function settingsFor(name: string, { way }: Measured, isAlone: boolean): { path: Path; value: number }[] {
  const settings = [
    { path: ["models", name, "max_batch"], value: way.batch },
    { path: ["models", name, "instances"], value: way.instances },
  ];
  if (!isAlone) return settings;
  return [
    ...settings,
    { path: ["engine", "slots"], value: way.instances },
    { path: ["engine", "threads_per_slot"], value: way.threads },
  ];
}
