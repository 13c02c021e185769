import { describe, expect, it } from "vitest";
import { closest } from "../../../runtime/base/closest.ts";

describe("closest", () => {
  it.each([
    ["devise", ["version", "device"], "device"],
    ["bundel", ["bundle"], "bundle"],
    ["Camera", ["camera", "model"], "camera"],
    ["topp", ["top", "low"], "top"],
    ["xyz", ["device", "mqtt"], undefined],
    ["", ["top"], undefined],
    ["a", [], undefined],
  ])("%s among %j is %s", (word, candidates, expected) => {
    expect(closest(word, candidates)).toBe(expected);
  });

  it("prefers the nearer of two", () => {
    expect(closest("camera-12", ["camera-22", "camera-112", "camera-1"])).toBe("camera-22");
    expect(closest("min_scor", ["min_count", "min_score"])).toBe("min_score");
  });

  it("takes words of any length", () => {
    expect(closest("x".repeat(1_000_000), ["device"])).toBeUndefined();
  });
});
