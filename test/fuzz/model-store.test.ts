import { describe, expect, it } from "vitest";
import { fuzzRound, fuzzWorld } from "../support/model-fuzz.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { randomFrom } from "./random.ts";

/** `node test/soak/model-store.ts --rounds 100000` goes on for longer. */
const ROUNDS = 300;

describe("whatever is offered is the signed model, or refused", () => {
  const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

  it.each(seeds)(`${ROUNDS} changed manifests, signatures, files, tars and deltas, seed %d`, async (seed) => {
    const world = await fuzzWorld(await tempFolder());
    const random = randomFrom(seed);
    let installed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      if (await fuzzRound(world, round, random)) installed++;
    }
    expect(installed).toBeGreaterThan(ROUNDS / 100);
    expect(installed).toBeLessThan(ROUNDS / 2);
  });
});
