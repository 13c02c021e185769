import { SightlineError } from "../base/errors.ts";
import type { NativeTensor } from "../native/index.ts";
import { ARRAY_OF, elementCount, type NamedTensors, type Tensor, type TensorSpec } from "../tensor/tensor.ts";

/** Every input of the model, checked against its spec. Errors: ERR_MODEL_IO, with what was wanted and given. */
export function checkFeeds(specs: readonly TensorSpec[], feeds: NamedTensors): NativeTensor[] {
  refuseUnknown(specs, feeds, "input");
  return specs.map((spec, index) => {
    const tensor = feeds[spec.name];
    if (tensor === undefined) throw mismatch(`input "${spec.name}" is missing; expected ${describe(spec)}`);
    return checkTensor("input", spec, index, tensor);
  });
}

/** Those outputs that the caller wants written in place, checked likewise. */
export function checkFetches(specs: readonly TensorSpec[], outputs: NamedTensors): NativeTensor[] {
  refuseUnknown(specs, outputs, "output");
  return specs.flatMap((spec, index) => {
    const tensor = outputs[spec.name];
    return tensor === undefined ? [] : [checkTensor("output", spec, index, tensor)];
  });
}

function refuseUnknown(specs: readonly TensorSpec[], tensors: NamedTensors, kind: string): void {
  const known = specs.map((spec) => spec.name);
  const unknown = Object.keys(tensors).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw mismatch(`there is no ${kind} "${unknown}"; the model has ${known.map((n) => `"${n}"`).join(", ")}`);
}

function checkTensor(kind: string, spec: TensorSpec, index: number, tensor: Tensor): NativeTensor {
  const { dtype, dims, data } = tensor;
  const fits =
    dtype === spec.dtype &&
    dims.length === spec.dims.length &&
    dims.every(
      (dim, i) => Number.isSafeInteger(dim) && dim >= 0 && (spec.dims[i] === -1 || spec.dims[i] === dim),
    );
  if (!fits) throw mismatch(`${kind} "${spec.name}" is ${describe(tensor)}; expected ${describe(spec)}`);
  if (!(data instanceof ARRAY_OF[dtype]) || data.length !== elementCount(dims)) {
    const given = `${data?.constructor?.name} of ${data?.length}`;
    const wanted = `${ARRAY_OF[dtype].name} of ${elementCount(dims)}`;
    throw mismatch(`${kind} "${spec.name}" holds a ${given}; expected a ${wanted}`);
  }
  if (isResizable(data.buffer)) throw mismatch(`${kind} "${spec.name}" is in a resizable buffer`);
  return { index, dims, data };
}

/** Such a buffer could lose its pages under a running model. */
const isResizable = (buffer: ArrayBufferLike): boolean =>
  buffer instanceof SharedArrayBuffer ? buffer.growable : buffer.resizable;

const mismatch = (message: string): SightlineError => new SightlineError("ERR_MODEL_IO", message);

/** `float32 [?,3,224,224]` */
const describe = ({ dtype, dims }: { dtype: string; dims: readonly number[] }): string =>
  `${dtype} [${dims.map((dim) => (dim === -1 ? "?" : dim)).join(",")}]`;
