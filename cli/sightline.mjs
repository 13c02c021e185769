#!/usr/bin/env node
// JavaScript, so that an older Node can say what it lacks, and Node need not load its TypeScript support before the
// compile cache is enabled.
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";

const OLDEST_NODE = 24;
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  console.error(`sightline needs Node.js ${OLDEST_NODE} or later, and this is ${process.versions.node}.`);
  process.exit(1);
}
const { enableCompileCache } = await import("node:module");

// Compiled code is cached for the next start, in a folder that belongs to Sightline alone (systemd.exec(5)).
const cache = process.env.CACHE_DIRECTORY ?? join(homedir(), ".cache", "sightline");
process.env.NODE_COMPILE_CACHE ??= join(cache, "compiled");
enableCompileCache(process.env.NODE_COMPILE_CACHE);
// libuv has one thread pool for files, name look-ups, decoding and kernels, and reads its size when the first thread
// starts. An unreachable resolver blocks at most half of it and a slow disk a few threads; this size leaves at least one
// thread per core for decoding.
process.env.UV_THREADPOOL_SIZE ??= String(2 * availableParallelism() + 8);
const { main } = await import("./commands.ts");

// A reader that stops early, as in `sightline infer … | head`, is not an error.
process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await main(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  cwd: process.cwd(),
  env: process.env,
  isTty: process.stdout.isTTY ?? false,
});
