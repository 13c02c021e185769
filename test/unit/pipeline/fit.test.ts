import { expect, test } from "vitest";
import type { Box } from "../../../runtime/pipeline/detection.ts";
import { fitInto, toSource } from "../../../runtime/pipeline/fit.ts";

test.each([
  {
    what: "same size",
    source: [640, 640],
    resize: "letterbox",
    box: [10, 20, 30, 40],
    back: [10, 20, 30, 40],
  },
  {
    what: "wide, letterboxed: bars above and below",
    source: [1280, 640],
    resize: "letterbox",
    box: [0, 160, 640, 480],
    back: [0, 0, 1280, 640],
  },
  {
    what: "tall, letterboxed: bars left and right",
    source: [320, 640],
    resize: "letterbox",
    box: [160, 0, 480, 640],
    back: [0, 0, 320, 640],
  },
  {
    what: "stretched",
    source: [1280, 320],
    resize: "stretch",
    box: [320, 320, 640, 640],
    back: [640, 160, 1280, 320],
  },
  {
    what: "beyond the edges is cut",
    source: [640, 640],
    resize: "stretch",
    box: [-5, -5, 700, 650],
    back: [0, 0, 640, 640],
  },
] as const)("$what", ({ back, box, resize, source: [width, height] }) => {
  const fit = fitInto({ width, height }, { width: 640, height: 640 }, resize);
  expect(toSource(fit, box as unknown as Box)).toEqual(back);
});
