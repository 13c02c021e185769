import { expect, test } from "vitest";
import { FetchedBlocks, ReaderBlocks } from "../../../services/camera/reader/blocks.ts";

function pair(count: number) {
  const reader = new ReaderBlocks(count, 16);
  const releases = new Int32Array(new SharedArrayBuffer(4));
  const put = (id: number, evict: boolean) => {
    reader.current.fill(id);
    return reader.handOver(id, evict);
  };
  return { put, releases, fetched: new FetchedBlocks(reader.record, releases) };
}

test("a block comes back to the reader with its release, once", () => {
  const { fetched, put, releases } = pair(1);
  const block = put(1, false) ?? -1;
  const frame = fetched.fetch(block, 1, 16);
  expect(frame?.bytes[0]).toBe(1);
  expect(put(2, false)).toBeUndefined();
  frame?.release();
  frame?.release();
  expect(releases[0]).toBe(1);
  const second = put(2, false);
  expect(second).toBeDefined();
  expect(fetched.fetch(second ?? -1, 2, 16)?.bytes[0]).toBe(2);
});

test("when all are taken, the oldest frame that nobody has fetched makes room", () => {
  const { fetched, put } = pair(3);
  const held = fetched.fetch(put(1, true) ?? -1, 1, 16);
  const blocks = [2, 3, 4, 5, 6].map((id) => [id, put(id, true)] as const);
  const still = blocks.filter(([id, block]) => fetched.fetch(block ?? -1, id, 16)).map(([id]) => id);
  expect(still).toEqual([5, 6]);
  expect(held?.bytes[0]).toBe(1);
});

test("what is being looked at is never taken away", () => {
  const { fetched, put } = pair(1);
  const held = fetched.fetch(put(1, true) ?? -1, 1, 16);
  for (let id = 2; id < 10; id++) expect(put(id, true)).toBeUndefined();
  expect(held?.bytes[0]).toBe(1);
});

test("without eviction a frame that waits stays", () => {
  const { fetched, put } = pair(1);
  const block = put(1, false) ?? -1;
  expect(put(2, false)).toBeUndefined();
  expect(fetched.fetch(block, 1, 16)?.bytes[0]).toBe(1);
});
