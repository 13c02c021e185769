// Runs one big model in both ways by turns, ours warm and streaming, and says how they compare.
//   node warm-child.ts MODEL STAGE_JSON PLAIN.onnx CACHE RUNS

import { median } from "../bench.ts";
import { type BigModel, bigInput } from "./big-stage.ts";
import { answer } from "./children.ts";
import { openPlain } from "./plain.ts";
import { openPool } from "./pool.ts";

const [name = "", stage = "", plain = "", cache = "", runs = "5"] = process.argv.slice(2);
const feeds = bigInput(name as BigModel);
const { pool } = openPool(cache);
const label = name;
const warm = await pool.open(JSON.parse(stage), { isStreaming: false }, { label });
const streaming = await pool.open(JSON.parse(stage), { isStreaming: true }, { label });
const runPlain = await openPlain(plain, feeds);

const ways = {
  plain: async () => (await runPlain())?.data as Float32Array,
  warm: async () => (await warm.session.run(0, feeds)).y?.data as Float32Array,
  streaming: async () => (await streaming.session.run(0, feeds)).y?.data as Float32Array,
};
const times = { plain: [] as number[], warm: [] as number[], streaming: [] as number[] };
const made: Partial<Record<keyof typeof ways, Float32Array>> = {};
for (let i = 0; i <= Number(runs); i++) {
  for (const [way, run] of Object.entries(ways) as [keyof typeof ways, () => Promise<Float32Array>][]) {
    const begun = performance.now();
    made[way] = Float32Array.from(await run());
    if (i > 0) times[way].push(performance.now() - begun);
  }
}

const bits = (values: Float32Array | undefined) => Buffer.from(values?.buffer ?? new ArrayBuffer(0));
const pairs = (a: readonly number[], b: readonly number[]) =>
  median(a.map((ms, i) => ms / (b[i] ?? Number.NaN)));
answer({
  warmMs: median(times.warm),
  plainMs: median(times.plain),
  streamingMs: median(times.streaming),
  warmToPlain: pairs(times.warm, times.plain),
  streamingToWarm: pairs(times.streaming, times.warm),
  isStreamingExact: bits(made.streaming).equals(bits(made.warm)),
  isPlainExact: bits(made.streaming).equals(bits(made.plain)),
});
process.exit(0);
