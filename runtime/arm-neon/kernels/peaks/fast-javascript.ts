import type { Candidates, PeaksOptions, TensorValues } from "../../kernels.ts";
import { bestFirst, rawOf, realOf } from "../scores/fast-javascript.ts";
import { candidatesOf } from "../yolo/fast-javascript.ts";

/** Looks at neighbours of what passes the threshold alone, in the tensor's own numbers. */
export function peaks(heat: TensorValues, edges: TensorValues, options: PeaksOptions): Candidates {
  const { height, limit, quantization, scoreMin, width } = options;
  const least = rawOf(scoreMin, quantization);
  const found: number[] = [];
  for (let i = 0; i < heat.length; i++) {
    if ((heat[i] as number) >= least && isPeak(heat, i, width, height)) found.push(i);
  }
  const best = bestFirst(Uint32Array.from(found), heat).subarray(0, limit);
  const plane = width * height;
  return candidatesOf(
    best.length,
    (n) => Math.floor((best[n] as number) / plane),
    (n) => realOf(heat[best[n] as number] as number, quantization),
    (n, boxes) => putBox(edges, options, (best[n] as number) % plane, boxes, n * 4),
    options.nms,
  );
}

function isPeak(heat: TensorValues, i: number, width: number, height: number): boolean {
  const score = heat[i] as number;
  const x = i % width;
  const y = ((i - x) / width) % height;
  const [x0, x1] = [x > 0 ? -1 : 0, x < width - 1 ? 1 : 0];
  const y1 = y < height - 1 ? 1 : 0;
  for (let dy = y > 0 ? -1 : 0; dy <= y1; dy++) {
    for (let n = i + dy * width + x0; n <= i + dy * width + x1; n++) {
      const neighbour = heat[n] as number;
      if (neighbour > score || (neighbour === score && n < i)) return false;
    }
  }
  return true;
}

function putBox(
  edges: TensorValues,
  { edgesQuantization, height, stride, width }: PeaksOptions,
  cell: number,
  boxes: Float32Array,
  at: number,
): void {
  const plane = width * height;
  const x = cell % width;
  const [cx, cy] = [(x + 0.5) * stride, ((cell - x) / width + 0.5) * stride];
  const edge = (n: number) => realOf(edges[n * plane + cell] as number, edgesQuantization) * stride;
  boxes[at] = cx - edge(0);
  boxes[at + 1] = cy - edge(1);
  boxes[at + 2] = cx + edge(2);
  boxes[at + 3] = cy + edge(3);
}
