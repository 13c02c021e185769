import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../models/bundle/canonical-json.ts";

describe("canonicalJson", () => {
  it("writes the example of RFC 8785, 3.2.2", () => {
    const value = {
      numbers: [JSON.parse("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\u002f",
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it("orders keys by UTF-16 units, as RFC 8785, 3.2.3 does", () => {
    const keys = ["\u20ac", "\r", "\ufb33", "1", "\ud83d\ude00", "\u0080", "\u00f6"];
    const text = canonicalJson(Object.fromEntries(keys.map((key, i) => [key, i])));
    expect(Object.keys(JSON.parse(text.replace('"1"', '"x1"')))).toEqual([
      "\r",
      "x1",
      "\u0080",
      "\u00f6",
      "\u20ac",
      "\ud83d\ude00",
      "\ufb33",
    ]);
  });

  it.each([
    [-0, "0"],
    [5e-324, "5e-324"],
    [-1.7976931348623157e308, "-1.7976931348623157e+308"],
    [9007199254740992, "9007199254740992"],
    [295147905179352830000, "295147905179352830000"],
    [1e21, "1e+21"],
    [0.000001, "0.000001"],
    [1e-7, "1e-7"],
  ])("writes %d as RFC 8785, appendix B", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it("keeps a key that is a trap elsewhere", () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}');
  });

  const deep = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

  it.each([
    [Number.NaN],
    [1 / 0],
    ["\ud83d"],
    [{ "\ude00": 1 }],
    [undefined],
    [{ a: undefined }],
    [1n],
    [deep(65)],
  ])("has no form for %o", (value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: "ERR_MODEL_MANIFEST" }));
  });

  it("bears what is just deep enough", () => {
    expect(canonicalJson(deep(64))).toHaveLength(128);
    expect(() => canonicalJson(deep(100_000))).toThrow("more than 64 levels");
  });
});
