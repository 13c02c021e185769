import { expect, test } from "vitest";
import { isStackable, rowsOf, stacked, unstacked } from "../../../runtime/tensor/stack.ts";
import type { NamedTensors, Tensor } from "../../../runtime/tensor/tensor.ts";

const tensor = (dims: number[], ...values: number[]): Tensor => ({
  dtype: "float32",
  dims,
  data: Float32Array.from(values),
});
const feeds = (dims: number[], ...values: number[]): NamedTensors => ({ x: tensor(dims, ...values) });

test("requests become rows of one tensor, and what comes of it theirs again", () => {
  const requests = [feeds([1, 2], 1, 2), feeds([2, 2], 3, 4, 5, 6), feeds([1, 2], 7, 8)];
  const together = stacked(requests);
  expect(together).toEqual(feeds([4, 2], 1, 2, 3, 4, 5, 6, 7, 8));
  const rows = requests.map((each) => rowsOf(each) ?? 0);
  expect(rows).toEqual([1, 2, 1]);
  expect(unstacked(together ?? {}, rows)).toEqual(requests);
});

test("the parts are copies: one that is let go takes nothing from the others", () => {
  const [a, b] = unstacked(feeds([2, 1], 1, 2), [1, 1]) ?? [];
  expect(a?.x?.data.buffer).toBeInstanceOf(ArrayBuffer);
  expect(a?.x?.data.buffer).not.toBe(b?.x?.data.buffer);
});

test("other sizes, types and ranks are not put together", () => {
  expect(stacked([feeds([1, 2], 1, 2), feeds([1, 3], 1, 2, 3)])).toBeUndefined();
  expect(stacked([feeds([1, 2], 1, 2), feeds([1, 1, 2], 1, 2)])).toBeUndefined();
  const bytes: NamedTensors = { x: { dtype: "uint8", dims: [1, 2], data: Uint8Array.of(1, 2) } };
  expect(stacked([feeds([1, 2], 1, 2), bytes])).toBeUndefined();
});

test("an output with another number of rows is not a batch's", () => {
  expect(unstacked(feeds([3, 1], 1, 2, 3), [1, 1])).toBeUndefined();
});

test("inputs that disagree on their rows have none", () => {
  expect(rowsOf({ x: tensor([1, 1], 1), y: tensor([2], 1, 2) })).toBeUndefined();
  expect(rowsOf({ x: tensor([2, 1], 1, 1), y: tensor([2], 1, 2) })).toBe(2);
});

test("a model can be fed batches when all its tensors leave their first dimension open", () => {
  const open = { name: "x", dtype: "float32", dims: [-1, 3] } as const;
  const fixed = { ...open, dims: [1, 3] };
  expect(isStackable({ inputs: [open], outputs: [open] })).toBe(true);
  expect(isStackable({ inputs: [open], outputs: [open, fixed] })).toBe(false);
  expect(isStackable({ inputs: [fixed], outputs: [open] })).toBe(false);
});
