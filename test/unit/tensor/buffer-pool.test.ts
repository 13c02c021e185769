import { expect, test } from "vitest";
import { attach, memoryUse } from "../../../runtime/native/index.ts";
import { BufferPool, type Lease } from "../../../runtime/tensor/buffer-pool.ts";

const taken = (lease: Lease | undefined): Lease => {
  if (lease === undefined) throw new Error("the pool had no buffer left");
  return lease;
};

test("a pool allocates at start and never grows", () => {
  const before = memoryUse();
  const pool = new BufferPool({ buffers: 3, bufferBytes: 1000 });
  expect(memoryUse()).toEqual(before);
  expect(pool.lease()).toBeUndefined();
  pool.start();
  pool.start();
  expect(memoryUse()).toEqual({ bytes: before.bytes + 3000, blocks: before.blocks + 3 });
  const leases = [pool.lease(), pool.lease(), pool.lease()].map(taken);
  expect(new Set(leases.map((lease) => lease.blockId)).size).toBe(3);
  expect(leases.map((lease) => lease.buffer.byteLength)).toEqual([1000, 1000, 1000]);
  expect(pool.lease()).toBeUndefined();
  expect({ free: pool.free, size: pool.size, refused: pool.refused }).toEqual({
    free: 0,
    size: 3,
    refused: 2,
  });
});

test("releasing twice gives one buffer back", () => {
  const pool = new BufferPool({ buffers: 2, bufferBytes: 64 });
  pool.start();
  const first = taken(pool.lease());
  taken(pool.lease());
  first.release();
  first.release();
  expect(pool.free).toBe(1);
  expect(taken(pool.lease()).blockId).toBe(first.blockId);
  first.release();
  expect(pool.free).toBe(0);
});

test("a lease's memory is what another thread gets by its id", () => {
  const pool = new BufferPool({ buffers: 1, bufferBytes: 64 });
  pool.start();
  const lease = taken(pool.lease());
  new Uint8Array(lease.buffer)[63] = 7;
  expect(new Uint8Array(attach(lease.blockId))[63]).toBe(7);
});

test("what comes back after a stop does not enter the next start's list", () => {
  const pool = new BufferPool({ buffers: 1, bufferBytes: 64 });
  pool.start();
  const lease = taken(pool.lease());
  pool.stop();
  pool.stop();
  pool.start();
  lease.release();
  expect(pool.free).toBe(1);
  expect(taken(pool.lease()).blockId).not.toBe(lease.blockId);
});
