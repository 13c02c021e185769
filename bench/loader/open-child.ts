// Opens one big model, in our way or the plain one, and says what it took.
//   node open-child.ts ours|plain MODEL STAGE_JSON PLAIN.onnx CACHE RUNS

import { median } from "../bench.ts";
import { type BigModel, bigInput } from "./big-stage.ts";
import { answer } from "./children.ts";
import { readMemory } from "./memory.ts";
import { openPlain } from "./plain.ts";
import { openPool } from "./pool.ts";

const [way = "", name = "", stage = "", plain = "", cache = "", runs = "5"] = process.argv.slice(2);
const feeds = bigInput(name as BigModel);

/** What exists before a model is opened, and what opens it. */
async function ready(): Promise<() => Promise<() => Promise<unknown>>> {
  if (way === "plain") return () => openPlain(plain, feeds);
  const { pool } = openPool(cache);
  return async () => {
    const { session } = await pool.open(JSON.parse(stage), { isStreaming: false }, { label: name });
    return () => session.run(0, feeds);
  };
}

const open = await ready();
const before = { ...readMemory(), cpu: process.cpuUsage() };
const run = await open();
const { system, user } = process.cpuUsage(before.cpu);
const times: number[] = [];
for (let i = 0; i <= Number(runs); i++) {
  const begun = performance.now();
  await run();
  // The first run brings the weights in.
  if (i > 0) times.push(performance.now() - begun);
}
const after = readMemory();
answer({
  openCpuMs: (system + user) / 1000,
  anonymousBytes: after.anonymousBytes - before.anonymousBytes,
  runMs: median(times),
});
process.exit(0);
