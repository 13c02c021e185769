import { expect, test } from "vitest";
import { tilesOver } from "../../../runtime/pipeline/tiles.ts";
import { randomFrom } from "../../support/models.ts";

test("an area of four tiles without overlap is cut in four", () => {
  const tiles = tilesOver({ left: 10, top: 20, width: 128, height: 128 }, { width: 64, height: 64 }, 0);
  expect(tiles.map(({ left, top }) => [left, top])).toEqual([
    [10, 20],
    [74, 20],
    [10, 84],
    [74, 84],
  ]);
});

test("an area smaller than a tile is one tile of its size", () => {
  const area = { left: 5, top: 5, width: 40, height: 90 };
  expect(tilesOver(area, { width: 640, height: 640 }, 96)).toEqual([area]);
});

const seed = Date.now() % 1e9;

test(`tiles cover every pixel, stay within the area and overlap as told (seed ${seed})`, () => {
  const random = randomFrom(seed);
  const int = (max: number) => Math.floor(random() * max);
  for (let n = 0; n < 500; n++) {
    const area = { left: int(50), top: int(50), width: 1 + int(900), height: 1 + int(900) };
    const tile = { width: 32 + int(300), height: 32 + int(300) };
    const overlap = int(32);
    const tiles = tilesOver(area, tile, overlap);
    for (const { height, left, top, width } of tiles) {
      expect(left).toBeGreaterThanOrEqual(area.left);
      expect(top).toBeGreaterThanOrEqual(area.top);
      expect(left + width).toBeLessThanOrEqual(area.left + area.width);
      expect(top + height).toBeLessThanOrEqual(area.top + area.height);
    }
    const starts = [...new Set(tiles.map(({ left }) => left))];
    starts.forEach((left, i) => {
      const next = starts[i + 1];
      if (next === undefined) expect(left + Math.min(tile.width, area.width)).toBe(area.left + area.width);
      else expect(left + tile.width - next).toBeGreaterThanOrEqual(overlap);
    });
  }
});
