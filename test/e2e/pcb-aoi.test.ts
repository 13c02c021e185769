import { join } from "node:path";
import { expect, test } from "vitest";
import { evaluate } from "../../models/zoo/pcb-aoi/evaluate.ts";
import { PCB_AOI } from "../support/daemon-process.ts";

test("the shipped detector finds the labelled defects of the sample boards, and little else", async () => {
  const table = await evaluate(join(PCB_AOI, "samples"));
  console.table(table);
  expect(table.all?.truths).toBe(145);
  expect(table.all?.ap).toBeGreaterThan(0.95);
  expect(table.all?.f).toBeGreaterThan(0.92);
});
