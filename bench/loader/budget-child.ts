// Streams a big model, or opens it the plain way, where the process may not have much more memory than it begins with.
//   node budget-child.ts ours|plain MODEL STAGE_JSON PLAIN.onnx CACHE RUNS LIMIT_BYTES

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type BigModel, bigInput } from "./big-stage.ts";
import { answer } from "./children.ts";
import { dataBytes, peakBytes, readMemory, resetPeak } from "./memory.ts";
import { openPlain } from "./plain.ts";
import { openPool } from "./pool.ts";

const [way = "", name = "", stage = "", plain = "", cache = "", runs = "5", limitBytes = "0"] =
  process.argv.slice(2);
const feeds = bigInput(name as BigModel);

async function run(): Promise<{ y: Float32Array; peakBytes: number }> {
  const { pool } = openPool(cache);
  // Node makes its threads when they are first needed, and their stacks count.
  await Promise.all(Array.from({ length: 16 }, () => readFile("/proc/self/status")));
  const before = readMemory().rssBytes;
  resetPeak();
  limit();
  if (way === "plain") {
    const runPlain = await openPlain(plain, feeds);
    return { y: (await runPlain())?.data as Float32Array, peakBytes: peakBytes() - before };
  }
  const { session } = await pool.open(JSON.parse(stage), { isStreaming: true }, { label: name });
  for (let i = 1; i < Number(runs); i++) await session.run(0, feeds);
  const y = (await session.run(0, feeds)).y?.data as Float32Array;
  return { y, peakBytes: peakBytes() - before };
}

/** Of what the process may write to (RLIMIT_DATA, getrlimit(2)): mapped files do not count. */
function limit(): void {
  if (limitBytes === "0") return;
  const most = dataBytes() + Number(limitBytes);
  execFileSync("prlimit", ["--pid", String(process.pid), `--data=${most}:${most}`]);
}

try {
  const { peakBytes: most, y } = await run();
  answer({
    peakBytes: most,
    digest: createHash("sha256")
      .update(new Uint8Array(y.buffer, y.byteOffset, y.byteLength))
      .digest("hex"),
  });
} catch (error) {
  answer({ error: String(error) });
}
process.exit(0);
