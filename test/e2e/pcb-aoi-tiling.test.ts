import { join } from "node:path";
import { expect, test } from "vitest";
import { evaluateTiling } from "../../models/zoo/pcb-aoi/evaluate-tiling.ts";
import { PCB_AOI } from "../support/daemon-process.ts";

test("tile by tile, a mosaic of boards is judged as the boards are; shrunk to one look it is not", async () => {
  const figures = await evaluateTiling(join(PCB_AOI, "samples"), 4);
  console.table(figures);
  expect(figures.aligned).toBe(figures.single);
  expect(figures.fuse).toBeGreaterThan(figures.single - 0.01);
  expect(figures.nms).toBeGreaterThan(figures.single - 0.01);
  expect(figures.fuse).toBeGreaterThan(3 * figures.shrunk);
});
