import { expect, test } from "vitest";
import { checkText } from "../../../config/load.ts";
import { problemText } from "../../../config/problem.ts";
import { VALID } from "./valid.ts";

const check = (shedding: string) =>
  checkText(`${VALID}\nshedding: ${shedding}\n`, { file: "c.yaml", env: {} });

test("steps skip frames or go over to something smaller", () => {
  const { config, problems } = check(
    "{hot: 85, steps: [{every: 2}, {model: pcb, variant: int8}, {model: pcb, bundle: ./small}]}",
  );
  expect(problems).toEqual([]);
  expect(config?.shedding).toMatchObject({ hot: 85, cool: 72, hold: 10_000 });
});

test("cool is below hot, and models are those of the configuration", () => {
  const texts = (shedding: string) => check(shedding).problems.map(problemText).join("\n");
  expect(texts("{hot: 60, steps: [{every: 2}]}")).toContain("must be below hot");
  expect(texts("{steps: [{model: pbc, variant: int8}]}")).toContain('did you mean "pcb"?');
});
