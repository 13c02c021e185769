#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// What was parsed and compiled once is there at the next start, in a folder that is ours alone (systemd.exec(5)).
enableCompileCache(join(process.env.CACHE_DIRECTORY ?? join(homedir(), ".cache", "sightline"), "compiled"));
const { main } = await import("./commands.ts");

// `sightline infer … | head` is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await main(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  cwd: process.cwd(),
  env: process.env,
  isTty: process.stdout.isTTY ?? false,
});
