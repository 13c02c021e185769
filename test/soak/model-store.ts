/**
 * `node test/soak/model-store.ts [--rounds 100000] [--seed 1]`: the fuzz test of the model store for as long as one
 * likes. A folder in memory (`TMPDIR=/dev/shm`) makes it several times as fast.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { randomFrom } from "../fuzz/random.ts";
import { fuzzRound, fuzzWorld } from "../support/model-fuzz.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
});
const folder = await mkdtemp(join(tmpdir(), "sightline-model-store-"));
const startMs = performance.now();
const rounds = Number(values.rounds);
let installed = 0;
try {
  const world = await fuzzWorld(folder);
  const random = randomFrom(Number(values.seed));
  for (let round = 0; round < rounds; round++) {
    if (await fuzzRound(world, round, random)) installed++;
  }
} finally {
  await rm(folder, { recursive: true });
}
const seconds = Math.round((performance.now() - startMs) / 1000);
console.log(JSON.stringify({ rounds, seed: Number(values.seed), installed, seconds }));
