import type { ArgmaxOptions, TensorValues } from "../../kernels.ts";

/** So many pixels at once that their best logits stay in the first cache, while each plane is read in one go. */
const BLOCK = 2_048;
const best = new Float32Array(BLOCK);

export function argmax(logits: TensorValues, { classes }: ArgmaxOptions, classMap: Uint8Array): void {
  const count = classMap.length;
  for (let from = 0; from < count; from += BLOCK) {
    const length = Math.min(BLOCK, count - from);
    best.fill(-Infinity, 0, length);
    classMap.fill(0, from, from + length);
    for (let c = 0; c < classes; c++) challenge(logits, c * count + from, c, classMap, from, length);
  }
}

function challenge(
  logits: TensorValues,
  at: number,
  classId: number,
  classMap: Uint8Array,
  from: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const value = logits[at + i] as number;
    if (value > (best[i] as number)) {
      best[i] = value;
      classMap[from + i] = classId;
    }
  }
}
