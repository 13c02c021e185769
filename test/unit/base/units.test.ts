import { describe, expect, it } from "vitest";
import { bytesText, durationText, parseBytes, parseDurationMs } from "../../../runtime/base/units.ts";

describe("units", () => {
  it.each([
    [0, "0ms"],
    [250, "250ms"],
    [1_500, "1500ms"],
    [30_000, "30s"],
    [60_000, "1m"],
    [5_400_000, "90m"],
    [86_400_000, "1d"],
  ])("%d ms is written %s and read back", (ms, text) => {
    expect(durationText(ms)).toBe(text);
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each([
    [100, "100B"],
    [500_000, "500000B"],
    [1024, "1KiB"],
    [64 * 2 ** 20, "64MiB"],
    [2 ** 31, "2GiB"],
  ])("%d bytes are written %s and read back", (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(["", "5", "ms", "-1s", "1 fortnight", "1e3ms", "1s2", "constructor", "1constructor"])(
    "%j is neither duration nor size",
    (text) => {
      expect(parseDurationMs(text)).toBeUndefined();
      expect(parseBytes(text)).toBeUndefined();
    },
  );
});
