import { expect, test } from "vitest";
import { Window } from "../../../runtime/pipeline/stages/window.ts";
import { randomFrom } from "../../support/models.ts";

const FRAMES = 200_000;
const FALSE_IN = 20;

/** How often good frames are rejected, and how many frames later than without a window a defect that stays is. */
function rates(fails: number, of: number, seed: number) {
  const random = randomFrom(seed);
  const window = new Window({ fails, of });
  let [alone, windowed] = [0, 0];
  for (let n = 0; n < FRAMES; n++) {
    const isFalse = random() < 1 / FALSE_IN;
    if (isFalse) alone++;
    if (window.next(isFalse ? "fail" : "pass") === "fail") windowed++;
  }
  const fresh = new Window({ fails, of });
  for (let n = 0; n < of; n++) fresh.next("pass");
  let latency = 0;
  while (fresh.next("fail") !== "fail") latency++;
  return { reduction: alone / windowed, latency };
}

/** By hand, for 5 % of frames: 2 of 2 leaves 0.25 %, 3 of 5 leaves 0.12 %. */
test.each([
  { fails: 2, of: 2, latency: 1, atLeast: 15 },
  { fails: 3, of: 5, latency: 2, atLeast: 30 },
])(
  "$fails of $of: false rejects fall by $atLeast or more, a defect that stays is met $latency frame(s) later",
  (given) => {
    const seed = Date.now() % 1e9;
    const { latency, reduction } = rates(given.fails, given.of, seed);
    console.log(
      `seed ${seed}: ${given.fails} of ${given.of}: ${reduction.toFixed(1)} times fewer, ${latency} frame(s) later`,
    );
    expect(latency).toBe(given.latency);
    expect(reduction).toBeGreaterThan(given.atLeast);
  },
);
