import { describe, expect, it } from "vitest";
import { add, type DiffMethod, isWhole, methodOf, subtract } from "../../../models/store/delta-codec.ts";
import { randomFrom } from "../../fuzz/random.ts";

const METHODS: DiffMethod[] = ["diff4", "diff8", "diff16", "diff32"];

describe("differences of codes", () => {
  it.each(METHODS)("%s goes there and back for any bytes", (method) => {
    const random = randomFrom(1);
    const bytes = (count: number) => Uint8Array.from({ length: count }, () => random() * 256);
    for (const count of [0, 4, 8, 256, 4096]) {
      const [now, old] = [bytes(count), bytes(count)];
      expect(add(method, subtract(method, now, old), old)).toEqual(now);
    }
  });

  it.each(METHODS)("%s goes there and back at the ends of the range", (method) => {
    const ends = Uint8Array.from([0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 128, 255, 255, 255, 127]);
    for (let shift = 0; shift < 16; shift += 4) {
      const old = Uint8Array.from([...ends.subarray(shift), ...ends.subarray(0, shift)]);
      expect(add(method, subtract(method, ends, old), old)).toEqual(ends);
    }
  });

  it("are small where codes moved a little", () => {
    const of = (method: DiffMethod, now: number[], old: number[]) => [
      ...subtract(method, Uint8Array.from(now), Uint8Array.from(old)),
    ];
    expect(of("diff8", [0x00, 0x80], [0xff, 0x7f])).toEqual([1, 1]);
    expect(of("diff4", [0x0f, 0xf0], [0xe0, 0x0f])).toEqual([0x2f, 0xf1]);
    // 1.0 and the float below it, both ways: 2 × 1 and 2 × 1 − 1, the low bytes of both first.
    expect(of("diff32", [0, 0, 128, 63, 255, 255, 127, 63], [255, 255, 127, 63, 0, 0, 128, 63])).toEqual([
      2, 1, 0, 0, 0, 0, 0, 0,
    ]);
    expect(of("diff16", [0, 60, 255, 59], [255, 59, 0, 60])).toEqual([2, 1, 0, 0]);
  });

  it("follow the type", () => {
    expect(["int8", "uint8", "int64", "float8e4m3fn"].map(methodOf)).toEqual(Array(4).fill("diff8"));
    expect(["int4", "uint4", "float4e2m1"].map(methodOf)).toEqual(Array(3).fill("diff4"));
    expect(["float16", "bfloat16", "int16"].map(methodOf)).toEqual(Array(3).fill("diff16"));
    expect(["float", "int32", "uint32"].map(methodOf)).toEqual(Array(3).fill("diff32"));
    expect([isWhole("diff32", 6), isWhole("diff16", 6), isWhole("diff8", 7)]).toEqual([false, true, true]);
  });
});
