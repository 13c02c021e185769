import { fileURLToPath } from "node:url";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { ARRAY_OF, elementCount, type NamedTensors, type TensorSpec } from "../../runtime/tensor/tensor.ts";

const path = (file: string): string => fileURLToPath(new URL(`../fixtures/models/${file}`, import.meta.url));

export const MODELS = {
  mobilenetV1: path("mobilenet_v1_0.25_128.w8.onnx"),
  mobilenetV2: path("mobilenet_v2_1.0_224.w8.onnx"),
  fastestDet: path("FastestDet.onnx"),
  squeezeNetFp16: path("SqueezeNet_fp16.onnx"),
  meanColor: path("mean_color.uint8.onnx"),
  conversions: path("conversions.onnx"),
} as const;

export function startProvider(slots = 2, intraOpThreads = 1): CpuExecutionProvider {
  const provider = new CpuExecutionProvider({ slots, intraOpThreads });
  provider.start();
  return provider;
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The bits of a positive normal float16 in [0.5, 1). */
const halfBits = (fraction: number): number => (14 << 10) | Math.floor(fraction * 1024);

/** A tensor per input, dynamic dimensions set to `dynamic`; floats in [0, 1). */
export function randomFeeds(specs: readonly TensorSpec[], seed: number, dynamic = 1): NamedTensors {
  const random = randomFrom(seed);
  const feeds: NamedTensors = {};
  for (const { name, dtype, dims: specDims } of specs) {
    const dims = specDims.map((dim) => (dim === -1 ? dynamic : dim));
    const data = new ARRAY_OF[dtype](elementCount(dims));
    if (data instanceof BigInt64Array)
      data.forEach((_, i) => {
        data[i] = BigInt(Math.floor(random() * 256));
      });
    else if (dtype === "float16")
      data.forEach((_, i) => {
        data[i] = halfBits(random());
      });
    else
      data.forEach((_, i) => {
        data[i] = random();
      });
    feeds[name] = { dtype, dims, data };
  }
  return feeds;
}

/** The raw bytes of a tensor's data, for comparisons bit for bit. */
export const bytesOf = ({ data }: { data: ArrayBufferView }): Buffer =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength);
