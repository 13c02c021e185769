import type { ArgmaxOptions, TensorValues } from "../../kernels.ts";

export function argmax(logits: TensorValues, { classes }: ArgmaxOptions, classMap: Uint8Array): void {
  for (let i = 0; i < classMap.length; i++) {
    let [best, winner] = [-Infinity, 0];
    for (let c = 0; c < classes; c++) {
      const value = logits[c * classMap.length + i] as number;
      if (value > best) {
        best = value;
        winner = c;
      }
    }
    classMap[i] = winner;
  }
}
