import type { Candidates, NmsOptions } from "../../kernels.ts";
import { type BenchCase, benchCase } from "../bench-case.ts";
import { nms as fastJavascript } from "./fast-javascript.ts";
import { nms as javascript } from "./javascript.ts";

const BOXES = 1_000;
const IOU_MAX = 0.45;

/** As many boxes as are looked at; none overlaps another, so that each meets all before it. */
function apart(): Candidates {
  const indices = Array.from({ length: BOXES }, (_, i) => i);
  return {
    classIds: new Uint32Array(BOXES),
    scores: Float32Array.from(indices, (i) => 1 - i / (2 * BOXES)),
    boxes: Float32Array.from(
      indices.flatMap((i) => {
        const [x, y] = [(i % 32) * 20, Math.floor(i / 32) * 20];
        return [x, y, x + 18, y + 18];
      }),
    ),
  };
}

const apartCase = benchCase<[Candidates, NmsOptions]>(
  "nms",
  `${BOXES} boxes apart`,
  { ours: (kernels) => kernels.nms, javascript, fastJavascript },
  () => [apart(), { iouMax: IOU_MAX }],
);

export const nmsCases: BenchCase[] = [{ ...apartCase, boxes: { ...apart(), iouMax: IOU_MAX } }];
