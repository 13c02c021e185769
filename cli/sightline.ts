#!/usr/bin/env node
import { SightlineError } from "../runtime/base/errors.ts";
import type { Io, Verb } from "./verb.ts";
import { check } from "./verbs/check.ts";
import { config } from "./verbs/config.ts";
import { doctor } from "./verbs/doctor.ts";
import { health } from "./verbs/health.ts";
import { infer } from "./verbs/infer.ts";
import { init } from "./verbs/init.ts";
import { model } from "./verbs/model.ts";
import { models } from "./verbs/models.ts";
import { run } from "./verbs/run.ts";
import { readVersion } from "./version.ts";

const VERBS: readonly Verb[] = [run, check, init, config, infer, models, model, doctor, health];

/** Runs `sightline ARGS` and gives its exit code: 0 done, 1 it found or met a problem, 2 it was not understood. */
export async function main(args: string[], io: Io): Promise<number> {
  const [name = "help", ...rest] = args;
  try {
    if (["help", "--help", "-h"].includes(name)) return await help(rest[0], io);
    if (["version", "--version", "-v"].includes(name)) {
      io.out(readVersion());
      return 0;
    }
    if (rest.includes("--help") || rest.includes("-h")) return await help(name, io);
    return await find(name).run(rest, io);
  } catch (error) {
    return report(error, io);
  }
}

function find(name: string): Verb {
  const verb = VERBS.find((v) => v.name === name);
  if (verb) return verb;
  throw new SightlineError("ERR_USAGE", `there is no command "${name}"`);
}

async function help(about: string | undefined, io: Io): Promise<number> {
  if (about === undefined) {
    const list = VERBS.map((v) => `  ${v.name.padEnd(8)} ${v.summary}`).join("\n");
    io.out(
      `sightline ${readVersion()}, visual inspection on the edge\n\n${list}\n\nsightline help COMMAND says more.`,
    );
  } else {
    const { details, summary, usage: short } = find(about);
    const usage = details ? await details() : short;
    io.out(`${summary}\n\n${usage.replace(/^(?! )/gm, "  sightline ")}`);
  }
  return 0;
}

function report(error: unknown, io: Io): number {
  if (!(error instanceof SightlineError)) throw error;
  io.err(`${error.code}: ${error.message}\n${error.hint}`);
  return error.code === "ERR_USAGE" ? 2 : 1;
}

if (import.meta.main) {
  // `sightline infer … | head` is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  process.exitCode = await main(process.argv.slice(2), {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    cwd: process.cwd(),
    env: process.env,
    isTty: process.stdout.isTTY ?? false,
  });
}
