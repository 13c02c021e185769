/**
 * Sums of a layer's inputs by channel, over all calibration images: quantized weights shift a layer's mean output by
 * (Wq − W)·E[x], which its bias can take back (Nagel et al. 2019, arXiv 1906.04721, section 4.2).
 */
export class ChannelMeans {
  readonly #sums: Float64Array;
  #perChannel = 0;

  constructor(channels: number) {
    this.#sums = new Float64Array(channels);
  }

  /** Adds inputs [..., channels, inner]: inner is height · width before a Conv, 1 before a MatMul. */
  add(inputs: Float32Array, inner = 1): void {
    const channels = this.#sums.length;
    for (let from = 0, channel = 0; from < inputs.length; from += inner) {
      let sum = 0;
      for (let i = from; i < from + inner; i++) sum += inputs[i] as number;
      this.#sums[channel] = (this.#sums[channel] as number) + sum;
      channel = channel + 1 === channels ? 0 : channel + 1;
    }
    this.#perChannel += inputs.length / channels;
  }

  /** E[x] of each channel; 0 when nothing was added. */
  means(): Float32Array {
    return Float32Array.from(this.#sums, (sum) => sum / Math.max(1, this.#perChannel));
  }
}

/**
 * What to add to a Conv's bias, one value an output channel. `weights` and `quantized` (dequantized again) are
 * [M, C / groups, kernel…] with `kernelSize` the product of the kernel's sides; `means` has an entry for each of C.
 * Padding is taken as values like the others: right at the inside, a little too much at the border.
 */
export function convBiasShift(
  weights: Float32Array,
  quantized: Float32Array,
  means: Float32Array,
  { channels, groups, kernelSize }: { channels: number; groups: number; kernelSize: number },
): Float32Array {
  const inputs = means.length / groups;
  return Float32Array.from({ length: channels }, (_, channel) => {
    const firstInput = Math.floor(channel / (channels / groups)) * inputs;
    const at = channel * inputs * kernelSize;
    let shift = 0;
    for (let i = 0; i < inputs * kernelSize; i++) {
      const lost = (weights[at + i] ?? 0) - (quantized[at + i] ?? 0);
      shift += lost * (means[firstInput + Math.floor(i / kernelSize)] ?? 0);
    }
    return shift;
  });
}
