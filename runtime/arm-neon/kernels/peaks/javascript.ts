import type { Candidates, PeaksOptions, TensorValues } from "../../kernels.ts";
import { suppressed } from "../nms/javascript.ts";
import { bestIndices, realsOf } from "../scores/javascript.ts";

const f32 = Math.fround;

export function peaks(heat: TensorValues, edges: TensorValues, options: PeaksOptions): Candidates {
  const grid = {
    ...options,
    heat: realsOf(heat, options.quantization),
    edges: realsOf(edges, options.edgesQuantization),
  };
  const scores = grid.heat.map((score, i) =>
    score >= options.scoreMin && isPeak(grid, i) ? score : Number.NaN,
  );
  const best = bestIndices(scores, options.scoreMin, options.limit);
  const found = {
    classIds: Uint32Array.from(best, (i) => i / (grid.width * grid.height)),
    scores: Float32Array.from(best, (i) => scores[i] as number),
    boxes: Float32Array.from(best.flatMap((i) => boxAt(grid, i))),
  };
  return suppressed(found, options.nms);
}

interface Grid {
  heat: Float32Array;
  edges: Float32Array;
  width: number;
  height: number;
  stride: number;
}

function boxAt({ edges, height, stride, width }: Grid, i: number): number[] {
  const plane = width * height;
  const cell = i % plane;
  const edge = (n: number) => f32((edges[n * plane + cell] as number) * f32(stride));
  const cx = f32(((cell % width) + 0.5) * f32(stride));
  const cy = f32((Math.floor(cell / width) + 0.5) * f32(stride));
  return [cx - edge(0), cy - edge(1), cx + edge(2), cy + edge(3)];
}

/** No neighbour of the 3×3 window is higher; of equal neighbours the first one is the peak. */
function isPeak({ heat, height, width }: Grid, i: number): boolean {
  const score = heat[i] as number;
  const cell = i % (width * height);
  const x = cell % width;
  const y = Math.floor(cell / width);
  for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
    for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
      const n = i + (ny - y) * width + (nx - x);
      const neighbour = heat[n] as number;
      if (neighbour > score || (neighbour === score && n < i)) return false;
    }
  }
  return true;
}
