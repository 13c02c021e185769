import { describe, expect, it } from "vitest";
import { SightlineError } from "../../runtime/base/errors.ts";
import { calibrationText, parseCalibration } from "../../toolchain/quantize/calibrate/calibration-file.ts";
import { BINS, Histogram } from "../../toolchain/quantize/calibrate/histogram.ts";
import { rangeOf } from "../../toolchain/quantize/calibrate/ranges.ts";
import { mutate, randomFrom } from "./random.ts";

const TOKENS = [
  ...'[]{}:,"\\0 -',
  ...["null", "true", "1e999", '"__proto__":{},', '"name":"a",', '"counts":"",', "AAAA", "-1"],
];

function written(): string {
  const histograms = ["a", "b"].map((name) => new Histogram(name));
  for (const histogram of histograms) histogram.add(Float32Array.of(-1, 0, 0.25, 3));
  return calibrationText({ modelSha256: "0".repeat(64), histograms });
}

describe("any text is either a calibration that gives ranges or ERR_CALIBRATION_FILE", () => {
  const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

  it.each(seeds)("2000 changed files, seed %d", (seed) => {
    const random = randomFrom(seed);
    const text = written();
    const seen = { valid: 0, refused: 0 };
    for (let round = 0; round < 2000; round++) {
      const changed = mutate(text, TOKENS, random);
      try {
        for (const histogram of parseCalibration(changed, "c.json").histograms) {
          expect(histogram.counts).toHaveLength(BINS);
          const { min, max } = rangeOf(histogram, { method: "percentile" });
          expect(min <= 0 && max >= 0 && Number.isFinite(max - min)).toBe(true);
        }
        seen.valid++;
      } catch (error) {
        if (!(error instanceof SightlineError && error.code === "ERR_CALIBRATION_FILE")) {
          throw new Error(`seed ${seed}, round ${round}:\n${changed}`, { cause: error });
        }
        seen.refused++;
      }
    }
    expect(seen.valid).toBeGreaterThan(5);
    expect(seen.refused).toBeGreaterThan(500);
  });
});
