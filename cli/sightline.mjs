#!/usr/bin/env node
// JavaScript, so that a start does not wait for the part of Node that reads TypeScript.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// What was read and compiled once is there at the next start, in a folder that is ours alone (systemd.exec(5)).
const cache = process.env.CACHE_DIRECTORY ?? join(homedir(), ".cache", "sightline");
process.env.NODE_COMPILE_CACHE ??= join(cache, "compiled");
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { main } = await import("./commands.ts");

// `sightline infer … | head` is no error.
process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await main(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  cwd: process.cwd(),
  env: process.env,
  isTty: process.stdout.isTTY ?? false,
});
