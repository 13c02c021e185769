import { describe, expect, it } from "vitest";
import { type Evaluate, mixedPrecision } from "../../../toolchain/quantize/static/mixed-precision.ts";
import { randomFrom } from "../../fuzz/random.ts";
import { seeds } from "./values.ts";

const LAYERS = Array.from({ length: 20 }, (_, i) => `layer${i}`);

/** Each layer that is quantized adds its noise; the score is what is left, in dB, as SQNR is. */
const noisy =
  (noise: Readonly<Record<string, number>>): Evaluate =>
  async (exclude) => {
    const total = Object.entries(noise).reduce((sum, [layer, n]) => sum + (exclude.has(layer) ? 0 : n), 1e-9);
    return -10 * Math.log10(total);
  };

const even = Object.fromEntries(LAYERS.map((layer) => [layer, 1e-4]));

describe("mixedPrecision", () => {
  it("leaves nothing float where the target is met anyway", async () => {
    let calls = 0;
    const counted: Evaluate = (exclude) => {
      calls++;
      return noisy(even)(exclude);
    };
    const { exclude, gains } = await mixedPrecision(counted, { layers: LAYERS, target: 20 });
    expect([exclude.size, gains, calls]).toEqual([0, [], 1]);
  });

  it("takes the layers that cost most, and no others", async () => {
    const evaluate = noisy({ ...even, layer3: 0.1, layer11: 0.2, layer17: 0.05 });
    const { exclude, gains, score } = await mixedPrecision(evaluate, { layers: LAYERS, target: 25 });
    expect([...exclude].sort()).toEqual(["layer11", "layer17", "layer3"]);
    expect(gains.slice(0, 3).map(({ layer }) => layer)).toEqual(["layer11", "layer3", "layer17"]);
    expect(score).toBeGreaterThanOrEqual(25);
  });

  it("gives back what the others make good", async () => {
    // Alone layer0 gains most, but what layer1 and layer2 add is the same noise again.
    const evaluate: Evaluate = async (exclude) => {
      if (exclude.has("layer1") && exclude.has("layer2")) return 30;
      return (
        10 +
        (exclude.has("layer0") ? 1 : 0) +
        (exclude.has("layer1") ? 3 : 0) +
        (exclude.has("layer2") ? 2 : 0)
      );
    };
    const { exclude } = await mixedPrecision(evaluate, {
      layers: ["layer0", "layer1", "layer2"],
      target: 20,
    });
    expect([...exclude].sort()).toEqual(["layer1", "layer2"]);
  });

  it("leaves all float where even that is too little, and says what that scores", async () => {
    const { exclude, score } = await mixedPrecision(noisy(even), { layers: LAYERS, target: 200 });
    expect(exclude.size).toBe(LAYERS.length);
    expect(score).toBeCloseTo(90, 6);
  });

  it.each(seeds)("meets any target that can be met (seed %d)", async (seed) => {
    const random = randomFrom(seed);
    for (let i = 0; i < 100; i++) {
      const evaluate = noisy(Object.fromEntries(LAYERS.map((layer) => [layer, 10 ** (-6 * random())])));
      const target = 5 + 60 * random();
      const { exclude, score } = await mixedPrecision(evaluate, { layers: LAYERS, target });
      expect(score).toBeGreaterThanOrEqual(target);
      expect(await evaluate(exclude)).toBe(score);
    }
  });

  it("costs an evaluation a layer and as many again at most, and tells how far it is", async () => {
    let calls = 0;
    const progress: number[] = [];
    const counted: Evaluate = (exclude) => {
      calls++;
      return noisy(even)(exclude);
    };
    const onProgress = (done: number) => progress.push(done);
    await mixedPrecision(counted, { layers: LAYERS, target: 200, onProgress });
    expect(calls).toBeLessThanOrEqual(2 * LAYERS.length);
    expect(progress).toEqual(LAYERS.map((_, i) => i + 1));
  });
});
