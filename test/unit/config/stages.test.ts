import { expect, test } from "vitest";
import { checkText } from "../../../config/load.ts";
import { problemText } from "../../../config/problem.ts";
import { modelsOf, stagesOf } from "../../../config/schema/pipelines.ts";
import { VALID } from "./valid.ts";

const HEAD = VALID.slice(0, VALID.indexOf("    model: pcb"));

const check = (pipeline: string) => {
  const indented = pipeline.replaceAll(/^/gm, "    ");
  return checkText(`${HEAD}${indented}\n`, { file: "c.yaml", env: {} });
};

const RULES = "- { stage: rules, rules: [{}] }";

test("the short form is a detect stage, rules and a window", () => {
  const { config, problems } = check("model: pcb\nwindow: { fails: 2, of: 3 }");
  expect(problems).toEqual([]);
  expect(stagesOf(config?.pipelines.board ?? {})).toEqual([
    { stage: "detect", model: "pcb" },
    { stage: "rules", rules: [{ verdict: "fail" }] },
    { stage: "window", fails: 2, of: 3 },
  ]);
});

test("the long form takes every stage", () => {
  const { config, problems } = check(`px_per_mm: 48
zones: { rim: { points: [[0, 0], [64, 0], [64, 8]], overlap: 0.5 } }
stages:
  - { stage: rectify, corners: [[10, 10], [600, 12], [590, 400], [8, 410]], width: 600, height: 400 }
  - { stage: region, left: 0, top: 8, width: 512, height: 256 }
  - { stage: detect, model: pcb, min_score: 0.4, tile: { overlap_px: 64, merge: nms } }
  - { stage: classify, model: pcb, labels: [short], writes: attribute }
  - { stage: track, labels: [board], line: [[320, 0], [320, 480]] }
  - stage: measure
    gauges: [{ name: gap, what: distance, of: [pin, pad], lsl: 1, usl: 2 }]
  - stage: rules
    rules:
      - { inside: rim, min_area_mm2: 0.1, attributes: { pcb: short } }
      - { labels: [screw], expect: { min: 4, max: 4 }, verdict: error }
  - { stage: window, fails: 2, of: 3 }
  - { stage: hysteresis, fail_after: 2, pass_after: 5 }`);
  expect(problems.map(problemText)).toEqual([]);
  expect(modelsOf(config?.pipelines.board ?? {})).toEqual(["pcb", "pcb"]);
});

test.each([
  [
    "neither form",
    "min_score: 0.2",
    "c.yaml:10:3: pipelines.board: needs a model, add model: NAME or stages: [..]",
  ],
  [
    "both forms",
    `model: pcb\nstages:\n  ${RULES}`,
    "c.yaml:12:5: pipelines.board.model: cannot be combined with stages, make it one of the stages",
  ],
  [
    "no such stage",
    `stages:\n  - { stage: detekt, model: pcb }\n  ${RULES}`,
    'c.yaml:13:18: pipelines.board.stages[0].stage: must be "region", "rectify", "detect", "classify", "track", "rules", "measure", "window", "hysteresis", "custom" or "own", not the text "detekt", did you mean "detect"?',
  ],
  [
    "a key of another stage",
    `stages:\n  - { stage: detect, model: pcb, margin: 1 }\n  ${RULES}`,
    'c.yaml:13:38: pipelines.board.stages[0].margin: unknown key "margin", known here: stage, model, min_score, tile',
  ],
  [
    "no such model",
    `stages:\n  - { stage: detect, model: pbc }\n  ${RULES}`,
    'c.yaml:13:33: pipelines.board.stages[0].model: there is no "pbc" in models, did you mean "pcb"?',
  ],
  [
    "no such zone",
    "model: pcb\nrules: [{ inside: rim }]",
    'c.yaml:13:23: pipelines.board.rules[0].inside: there is no "rim" in zones, zones has: nothing yet',
  ],
  [
    "square millimetres without a scale",
    "model: pcb\nrules: [{ min_area_mm2: 1 }]",
    "c.yaml:13:15: pipelines.board.rules[0].min_area_mm2: needs the scale of the image, add px_per_mm to the pipeline",
  ],
  [
    "nothing that decides",
    "stages:\n  - { stage: detect, model: pcb }",
    "c.yaml:12:5: pipelines.board.stages: no stage decides the verdict, add { stage: rules, rules: [..] }",
  ],
  [
    "looking after judging",
    `stages:\n  ${RULES}\n  - { stage: detect, model: pcb }`,
    "c.yaml:14:18: pipelines.board.stages[1].stage: detect looks at the picture, so it must come before rules",
  ],
  [
    "rules before the parts are known",
    `stages:\n  ${RULES}\n  - { stage: track }`,
    "c.yaml:13:18: pipelines.board.stages[0].stage: rules would judge frames instead of parts: it must come after track",
  ],
  [
    "two ways to count",
    "model: pcb\nrules: [{ min_count: 2, expect: { min: 0, max: 1 } }]",
    "c.yaml:13:29: pipelines.board.rules[0].expect: cannot be combined with min_count, remove one of the two",
  ],
  [
    "corners in another order",
    `stages:\n  - { stage: rectify, corners: [[0, 0], [9, 9], [9, 0], [0, 9]], width: 9, height: 9 }\n  ${RULES}`,
    "c.yaml:13:36: pipelines.board.stages[0].corners: must be the corners of a convex quadrilateral, list top left, top right, bottom right, bottom left",
  ],
  [
    "limits the wrong way round",
    "stages:\n  - { stage: measure, gauges: [{ name: a, what: width, of: [b], lsl: 2, usl: 1 }] }",
    "c.yaml:13:74: pipelines.board.stages[0].gauges[0].lsl: must not be above usl (1)",
  ],
  [
    "a stage of one's own without a folder",
    "stages:\n  - { stage: custom, name: holes }",
    "c.yaml:13:32: pipelines.board.stages[0].name: needs stages_folder, add stages_folder: FOLDER at the top level",
  ],
])("%s", (_, pipeline, line) => {
  expect(check(pipeline).problems.map(problemText)).toEqual([line]);
});
