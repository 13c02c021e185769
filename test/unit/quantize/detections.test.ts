import { describe, expect, it } from "vitest";
import type { Box } from "../../../runtime/pipeline/detection.ts";
import { match, type Scored, scoreTable, type Truth } from "../../../toolchain/quantize/score/detections.ts";

const BOX: Box = [0, 0, 10, 10];
const truth = (label: string, box: Box = BOX): Truth => ({ label, box });
const found = (label: string, score: number, box: Box = BOX) => ({ label, score, box });

describe("match", () => {
  it("counts each labelled box once, for the best score", () => {
    const scored = match([found("a", 0.5), found("a", 0.9)], [truth("a")], 0.5);
    expect(scored).toEqual([
      { label: "a", score: 0.9, isRight: true },
      { label: "a", score: 0.5, isRight: false },
    ]);
  });

  it("wants the same class, and more overlap than the limit", () => {
    // 10×10 against 10×5 inside: an IoU of exactly 0.5.
    const half = found("a", 0.9, [0, 0, 10, 5]);
    expect(match([half], [truth("a")], 0.5)[0]?.isRight).toBe(false);
    expect(match([half], [truth("a")], 0.49)[0]?.isRight).toBe(true);
    expect(match([found("b", 0.9)], [truth("a")], 0.5)[0]?.isRight).toBe(false);
  });

  it("takes the box that overlaps most", () => {
    const near: Box = [1, 0, 11, 10];
    const scored = match([found("a", 0.9, near), found("a", 0.8)], [truth("a"), truth("a", near)], 0.5);
    expect(scored.map(({ isRight }) => isRight)).toEqual([true, true]);
  });
});

describe("scoreTable", () => {
  const scored = (rights: readonly boolean[], label = "a"): Scored[] =>
    rights.map((isRight, i) => ({ label, score: 0.9 - i / 10, isRight }));
  const truths = (count: number, label = "a"): Truth[] => Array.from({ length: count }, () => truth(label));

  it.each([
    ["all right", [true, true], 2, 1],
    ["none found", [], 3, 0],
    ["none right", [false, false], 2, 0],
    // Precision 1 at recall 1/2; the second right one comes third: 2/3 at recall 1.
    ["a wrong one between", [true, false, true], 2, (1 + 2 / 3) / 2],
    // The first is wrong: precision 1/2, but 2/3 later counts from there back.
    ["a wrong one first", [false, true, true], 2, 2 / 3],
    ["half found", [true], 2, 0.5],
  ])("average precision of %s", (_, rights, count, ap) => {
    expect(scoreTable(["a"], scored(rights), truths(count)).a?.ap).toBeCloseTo(ap, 12);
  });

  it("means over the classes that occur", () => {
    const table = scoreTable(["a", "b", "c"], scored([true]), [...truths(1), ...truths(1, "b")]);
    expect(table.all?.ap).toBe(0.5);
    expect(table.c?.truths).toBe(0);
  });

  it("gives the best F-score and where it is", () => {
    // After three: 2 right of 3, 2 of 2 found: F = 4 / 5, as after one: 2 / 3.
    const { f, threshold } = scoreTable(["a"], scored([true, false, true]), truths(2)).a ?? {};
    expect(f).toBeCloseTo(0.8, 12);
    expect(threshold).toBeCloseTo(0.7, 12);
  });

  it("is 0, and no NaN, without a labelled box", () => {
    const { all, a } = scoreTable(["a"], scored([false]), []);
    expect([all?.ap, all?.f, a?.ap]).toEqual([0, 0, 0]);
  });
});
