import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Binned } from "../../../toolchain/quantize/calibrate/binned.ts";
import { binnedRange } from "../../../toolchain/quantize/calibrate/ranges.ts";
import { affineOf } from "../../../toolchain/quantize/numerics/scale.ts";
import { entropyRangeCompat } from "../../support/entropy-compat.ts";
import { GOLDEN_MODELS, goldenInput, PICTURES } from "../../support/quantize-inputs.ts";

type Pair = [min: number, max: number];
interface Golden {
  inputs: string[];
  ranges: Record<string, Record<"minmax" | "percentile_99.999" | "percentile_99.9" | "entropy", Pair>>;
  activations: Record<string, [scale: number, zeroPoint: number]>;
}
interface GoldenHistogram {
  name: string;
  limit: number;
  min: number;
  max: number;
  counts: string;
  entropy: Pair;
  percentiles: Record<string, Pair>;
}

const FOLDER = join(import.meta.dirname, "../../fixtures/quantize");
const load = <T>(name: string): T => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"));

describe.each(GOLDEN_MODELS)("ONNX Runtime's quantizer on %s", (model) => {
  const golden = load<Golden>(model);

  it("was fed what test/support makes of the pictures, bit for bit", async () => {
    expect(golden.inputs).toHaveLength(PICTURES);
    for (const index of [0, 1, PICTURES - 1]) {
      const digest = golden.inputs[index] ?? "";
      const { values } = await goldenInput(model, index);
      const sha256 = createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex");
      expect(sha256.slice(0, 16)).toBe(digest);
    }
  });

  it("has the same scales and zero points", () => {
    const activations = Object.entries(golden.activations);
    expect(activations.length).toBeGreaterThan(10);
    for (const [name, [scale, zeroPoint]] of activations) {
      const [min, max] = golden.ranges[name]?.minmax ?? [0, 0];
      expect({ name, ...affineOf({ min, max }, "uint8") }).toEqual({
        ...{ name, scale: Math.fround(scale), zeroPoint },
      });
    }
  });
});

describe.each(load<GoldenHistogram[]>("histograms"))("ONNX Runtime's ranges for $name", (golden) => {
  const bytes = inflateSync(Buffer.from(golden.counts, "base64"));
  const counts = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const binned: Binned = { ...golden, counts };
  const bin = ((2 * golden.limit) / counts.length) * 1.0001;
  const near = (found: { min: number; max: number }, [min, max]: Pair): void => {
    // Ours hold 0 besides.
    expect(Math.abs(found.min - Math.min(min, 0))).toBeLessThanOrEqual(bin);
    expect(Math.abs(found.max - Math.max(max, 0))).toBeLessThanOrEqual(bin);
  };

  it("entropy with ONNX Runtime's roundings, within a bin", () => {
    const { max, min } = entropyRangeCompat(binned);
    // As every range of ours, it holds 0 and is not wider than what was seen.
    const cut = { min: Math.min(0, Math.max(min, golden.min)), max: Math.max(0, Math.min(max, golden.max)) };
    near(cut, golden.entropy);
  });

  it.each(Object.entries(golden.percentiles))("percentile %s, within a bin", (percentile, pair) => {
    near(binnedRange(binned, { method: "percentile", percentile: Number(percentile) }), pair);
  });
});
