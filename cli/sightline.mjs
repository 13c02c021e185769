#!/usr/bin/env node
// JavaScript, so that a start does not wait for the part of Node that reads TypeScript.
import { enableCompileCache } from "node:module";
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";

// What was read and compiled once is there at the next start, in a folder that is ours alone (systemd.exec(5)).
const cache = process.env.CACHE_DIRECTORY ?? join(homedir(), ".cache", "sightline");
process.env.NODE_COMPILE_CACHE ??= join(cache, "compiled");
enableCompileCache(process.env.NODE_COMPILE_CACHE);
// libuv has one pool for files, name look-ups, pictures and kernels, and reads its size when the first thread starts. An
// unreachable resolver takes half of it at most, a slow disk a few threads: a thread a core is left to decode on.
process.env.UV_THREADPOOL_SIZE ??= String(2 * availableParallelism() + 8);
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
