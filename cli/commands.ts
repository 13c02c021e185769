import { SightlineError } from "../runtime/base/errors.ts";
import type { CommandContext, Verb } from "./verb.ts";
import { readVersion } from "./version.ts";

/** Each verb is loaded on demand, so that a command does not wait for modules that only others need. */
const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  run: async () => (await import("./verbs/run.ts")).run,
  check: async () => (await import("./verbs/check.ts")).check,
  init: async () => (await import("./verbs/init.ts")).init,
  config: async () => (await import("./verbs/config.ts")).config,
  infer: async () => (await import("./verbs/infer.ts")).infer,
  ps: async () => (await import("./verbs/ps.ts")).ps,
  model: async () => (await import("./verbs/model.ts")).model,
  doctor: async () => (await import("./verbs/doctor.ts")).doctor,
  trace: async () => (await import("./verbs/trace.ts")).trace,
  tune: async () => (await import("./verbs/tune.ts")).tune,
  reload: async () => (await import("./verbs/reload.ts")).reload,
  health: async () => (await import("./verbs/health.ts")).health,
};

/** Old names: they still work, but help does not list them. */
const OLD_VERBS: typeof VERBS = {
  models: async () => (await import("./verbs/models.ts")).models,
};

/** Every verb that help lists. */
export const verbs = (): Promise<Verb[]> => Promise.all(Object.values(VERBS).map((load) => load()));

/** Runs `sightline ARGS` and returns the exit code: 0 success, 1 a problem was found or met, 2 a usage error. */
export async function main(args: string[], context: CommandContext): Promise<number> {
  const [name = "help", ...rest] = args;
  try {
    if (["help", "--help", "-h"].includes(name)) return await help(rest[0], context);
    if (["version", "--version", "-v"].includes(name)) {
      context.out(readVersion());
      return 0;
    }
    if (rest.includes("--help") || rest.includes("-h")) return await help(name, context);
    return await (await find(name)).run(rest, context);
  } catch (error) {
    return report(error, context);
  }
}

async function find(name: string): Promise<Verb> {
  const known = { ...VERBS, ...OLD_VERBS };
  const load = Object.hasOwn(known, name) ? known[name] : undefined;
  if (load) return load();
  throw new SightlineError("ERR_USAGE", `there is no command "${name}"`);
}

async function help(about: string | undefined, context: CommandContext): Promise<number> {
  if (about === undefined) {
    const list = (await verbs()).map((v) => `  ${v.name.padEnd(8)} ${v.summary}`).join("\n");
    context.out(
      `sightline ${readVersion()}, visual inspection on the edge\n\n${list}\n\nRun \`sightline help COMMAND\` for the options of a command.`,
    );
  } else {
    const { details, summary, usage: short } = await find(about);
    const usage = details ? await details() : short;
    context.out(`${summary}\n\n${usage.replace(/^(?! )/gm, "  sightline ")}`);
  }
  return 0;
}

function report(error: unknown, context: CommandContext): number {
  if (!(error instanceof SightlineError)) throw error;
  context.err(`${error.code}: ${error.message}\n${error.hint}`);
  return error.code === "ERR_USAGE" ? 2 : 1;
}
