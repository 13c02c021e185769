import { ARRAY_OF, elementCount, type NamedTensors, type Tensor, type TensorSpec } from "./tensor.ts";

interface Specs {
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}

/** Whether the first dimension of all that a model takes and makes is left open, as that of a batch is. */
export const isStackable = ({ inputs, outputs }: Specs): boolean =>
  [...inputs, ...outputs].every(({ dims }) => dims[0] === -1);

/** The feeds of several requests as those of one: rows of the first dimension, one request's behind the other's. Undefined where other dimensions differ. */
export function stacked(requests: readonly NamedTensors[]): NamedTensors | undefined {
  const names = Object.keys(requests[0] ?? {});
  const together = names.map((name) => [name, oneOf(requests.map((feeds) => feeds[name]))] as const);
  return together.every((each): each is [string, Tensor] => each[1] !== undefined)
    ? Object.fromEntries(together)
    : undefined;
}

/** Rows of one request, which its inputs agree on; undefined where they do not. */
export function rowsOf(feeds: NamedTensors): number | undefined {
  const [first, ...others] = Object.values(feeds).map(({ dims }) => dims[0]);
  return others.every((rows) => rows === first) ? first : undefined;
}

/**
 * What a stacked run made, as copies for each request that had so many rows. Undefined where a tensor has another number
 * of rows altogether: then its first dimension is not that of the batch.
 */
export function unstacked(made: NamedTensors, rows: readonly number[]): NamedTensors[] | undefined {
  const total = rows.reduce((sum, n) => sum + n, 0);
  if (Object.values(made).some(({ dims }) => dims[0] !== total)) return undefined;
  let from = 0;
  return rows.map((count) => {
    const begin = from;
    from += count;
    const cut = (tensor: Tensor) => rowsIn(tensor, begin, count);
    return Object.fromEntries(Object.entries(made).map(([name, tensor]) => [name, cut(tensor)]));
  });
}

function oneOf(tensors: readonly (Tensor | undefined)[]): Tensor | undefined {
  const [first] = tensors;
  if (!first || !tensors.every((each): each is Tensor => each !== undefined && areAlike(first, each))) {
    return undefined;
  }
  const dims = [tensors.reduce((sum, each) => sum + (each.dims[0] ?? 0), 0), ...first.dims.slice(1)];
  const data = new ARRAY_OF[first.dtype](elementCount(dims));
  let at = 0;
  for (const each of tensors) {
    data.set(each.data as never, at);
    at += each.data.length;
  }
  return { dtype: first.dtype, dims, data };
}

const areAlike = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype &&
  a.dims.length === b.dims.length &&
  a.dims.every((dim, i) => i === 0 || dim === b.dims[i]);

function rowsIn({ data, dims, dtype }: Tensor, begin: number, count: number): Tensor {
  const perRow = elementCount(dims.slice(1));
  return {
    dtype,
    dims: [count, ...dims.slice(1)],
    data: data.slice(begin * perRow, (begin + count) * perRow),
  };
}
