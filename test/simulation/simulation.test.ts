import { expect, test } from "vitest";
import { simulate } from "./simulate.ts";

/** The long form has a command of its own: npm run test:simulation -- --seeds 10000 */
const SEEDS = 300;

test(`nothing stands still, is lost, overtakes or exceeds its budget, with ${SEEDS} new seeds`, async () => {
  const first = Math.floor(Math.random() * 2 ** 31);
  console.log(`seeds from ${first}: npm run test:simulation -- --first ${first} --seeds ${SEEDS}`);
  const wrong: string[] = [];
  let verdicts = 0;
  for (let seed = first; seed < first + SEEDS; seed++) {
    const outcome = await simulate(seed);
    verdicts += outcome.verdicts;
    wrong.push(...outcome.findings.map((finding) => `seed ${seed}: ${finding}`));
  }
  expect(wrong).toEqual([]);
  expect(verdicts).toBeGreaterThan(SEEDS);
});

test("the same seed gives the same run", async () => {
  expect(await simulate(5)).toEqual(await simulate(5));
});
