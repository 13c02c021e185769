import { describe, expect, it } from "vitest";
import { ChannelMeans, convBiasShift } from "../../../toolchain/quantize/numerics/bias-correction.ts";
import { gaussian, seeds } from "./values.ts";

describe("ChannelMeans", () => {
  it("averages over images, positions and batches", () => {
    const means = new ChannelMeans(2);
    expect([...means.means()]).toEqual([0, 0]);
    means.add(Float32Array.of(1, 3, 10, 10, 5, 7, 0, 0), 2);
    means.add(Float32Array.of(4, 4, 5, 5), 2);
    expect([...means.means()]).toEqual([4, 5]);
  });
});

describe.each(seeds)("after the shift the mean output is as before, seed %d", (seed) => {
  it.each([1, 2, 4])("Conv of 1×1 in %d groups", (groups) => {
    const [positions, inputs, channels] = [40, 8, 4];
    const image = gaussian(inputs * positions, seed).map((value) => value + 1);
    const perGroup = inputs / groups;
    const weights = gaussian(channels * perGroup, seed + 1);
    const rough = weights.map((value) => Math.round(value * 2) / 2);
    const means = new ChannelMeans(inputs);
    means.add(image, positions);
    const shift = convBiasShift(weights, rough, means.means(), { channels, groups, kernelSize: 1 });
    for (let channel = 0; channel < channels; channel++) {
      const first = Math.floor((channel * groups) / channels) * perGroup;
      const mean = (of: Float32Array): number => {
        let sum = 0;
        for (let i = 0; i < perGroup * positions; i++) {
          const weight = of[channel * perGroup + Math.floor(i / positions)] ?? 0;
          sum += weight * (image[first * positions + i] ?? 0);
        }
        return sum / positions;
      };
      expect(mean(rough) + (shift[channel] ?? 0)).toBeCloseTo(mean(weights), 4);
    }
  });

  it("counts every place of a kernel", () => {
    const weights = gaussian(2 * 3 * 9, seed);
    const shift = convBiasShift(weights, new Float32Array(54), Float32Array.of(1, 10, 100), {
      ...{ channels: 2, groups: 1, kernelSize: 9 },
    });
    const sum = (from: number) => weights.subarray(from, from + 9).reduce((a, b) => a + b, 0);
    for (const [channel, value] of shift.entries()) {
      expect(value).toBeCloseTo(
        sum(channel * 27) + 10 * sum(channel * 27 + 9) + 100 * sum(channel * 27 + 18),
        2,
      );
    }
  });
});
