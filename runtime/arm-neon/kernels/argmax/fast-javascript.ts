import type { ArgmaxOptions, TensorValues } from "../../kernels.ts";

/** Begins with the first class, and counts places up instead of multiplying; where that one is NaN it wins. */
export function argmax(logits: TensorValues, { classes }: ArgmaxOptions, classMap: Uint8Array): void {
  const count = classMap.length;
  for (let i = 0; i < count; i++) {
    let best = logits[i] as number;
    let winner = 0;
    for (let c = 1, at = count + i; c < classes; c++, at += count) {
      const value = logits[at] as number;
      if (value > best) {
        best = value;
        winner = c;
      }
    }
    classMap[i] = winner;
  }
}
