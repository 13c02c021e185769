import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { quantizeBias, scalesForBias } from "../../../toolchain/quantize/numerics/bias.ts";
import { channelScales, quantizeChannels } from "../../../toolchain/quantize/numerics/channels.ts";
import { affineOf } from "../../../toolchain/quantize/numerics/scale.ts";

interface Golden {
  reduceRange: boolean;
  inputScale: number;
  codes: number[];
  scales: number[];
  biasCodes: number[];
  biasScales: number[];
}

const FILE = join(import.meta.dirname, "../../fixtures/quantize/channels.json");
const goldens: Golden[] = JSON.parse(readFileSync(FILE, "utf8"));

/** As `make_channels` in make-golden.py. */
const factors = [1, 1, 0.5, 2, 0.25, 0, 2 ** -40, 4];
const values = Float32Array.from({ length: 8 * 27 }, (_, i) => {
  const value = (((i * 37 + ((i * i) % 101)) % 201) - 100) / 64;
  return value * (factors[Math.floor(i / 27)] ?? 0);
});
const weights = { values, dims: [8, 3, 3, 3], axis: 0 };
const bias = Float32Array.of(1, -2, 0.5, 0, 3, -0.25, 7, 100);

describe.each(goldens)("ONNX Runtime's Conv, reduced range $reduceRange", (golden) => {
  const inputScale = affineOf({ min: -1, max: 3 }, "uint8").scale;
  const scales = scalesForBias(bias, inputScale, channelScales(weights, golden));

  it("has the same scales, that of the tiny channel raised", () => {
    expect(inputScale).toBe(Math.fround(golden.inputScale));
    expect(scales).toEqual(Float32Array.from(golden.scales));
  });

  it("has the same codes", () => {
    expect([...quantizeChannels(weights, scales)]).toEqual(golden.codes);
  });

  it("has the same bias", () => {
    const { codes, scales: biasScales } = quantizeBias(bias, inputScale, scales);
    expect(biasScales).toEqual(Float32Array.from(golden.biasScales));
    expect([...codes]).toEqual(golden.biasCodes);
  });
});
