import { inputDims } from "../../models/bundle/input-dims.ts";
import {
  ARRAY_OF,
  byteCount,
  type DType,
  elementCount,
  type NamedTensors,
  type Tensor,
  type TensorSpec,
} from "../tensor/tensor.ts";
import type { ModelInput } from "./preprocess.ts";

/** Where one frame's input and outputs lie in one buffer, so that a run allocates nothing. */
export interface FrameTensors {
  /** The one of `feeds`. */
  input: Tensor;
  feeds: NamedTensors;
  /** Outputs of known shape; ONNX Runtime allocates the others. */
  outputs: NamedTensors;
  /** Frames with the same key are fed the same. */
  shareKey?: object;
}

interface TensorPlace {
  name: string;
  dtype: DType;
  dims: readonly number[];
  offset: number;
}

const ALIGNMENT_BYTES = 64;

/** Divides buffers of `bytes` among the tensors of one frame. */
export class FrameLayout {
  readonly bytes: number;
  readonly #input: TensorPlace;
  readonly #outputs: readonly TensorPlace[];

  constructor(input: ModelInput, outputs: readonly TensorSpec[]) {
    let bytes = 0;
    const place = (name: string, dtype: DType, dims: readonly number[]): TensorPlace => {
      const offset = bytes;
      bytes += Math.ceil(byteCount(dtype, dims) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
      return { name, dtype, dims, offset };
    };
    this.#input = place(input.name, input.dtype, inputDims(input));
    this.#outputs = outputs.flatMap(({ name, dtype, dims }) => {
      const forOne = dims.map((d, i) => (i === 0 && d === -1 ? 1 : d));
      return forOne.includes(-1) ? [] : [place(name, dtype, forOne)];
    });
    this.bytes = bytes;
  }

  over(buffer: ArrayBuffer): FrameTensors {
    const input = view(buffer, this.#input);
    const outputs = this.#outputs.map((place) => [place.name, view(buffer, place)] as const);
    return { input, feeds: { [this.#input.name]: input }, outputs: Object.fromEntries(outputs) };
  }
}

const view = (buffer: ArrayBuffer, { dims, dtype, offset }: TensorPlace): Tensor => ({
  dtype,
  dims,
  data: new ARRAY_OF[dtype](buffer, offset, elementCount(dims)),
});
