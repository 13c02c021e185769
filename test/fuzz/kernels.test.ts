import { describe, expect, test } from "vitest";
import { SightlineError } from "../../runtime/base/errors.ts";
import { allocate, attach, type Kernels, openKernels } from "../../runtime/native/index.ts";
import { KERNEL_CALLS } from "../support/kernel-calls.ts";
import { randomFrom } from "./random.ts";

/** Argument lists in all. */
const LISTS = 1_000_000;
/** So many calls are under way at once. */
const TOGETHER = 100;

type Random = () => number;
type Call = (...args: unknown[]) => unknown;
type KernelMethod = (...args: unknown[]) => Promise<unknown>;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

function detached(): Uint8Array {
  const array = new Uint8Array(64);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

const NUMBERS = [
  ...[0, -0, -1, 1, 2, 3, 4, 7, 8, 15, 16, 17, 255, 256, 0.5, 1e-45, 1e39, 1e308, 2 ** 16, 2 ** 16 + 1],
  ...[2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53, Number.NaN],
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];
const JUNK: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => "",
  () => "NCHW",
  () => "x".repeat(300),
  () => 10n,
  () => Symbol("s"),
  () => ({}),
  () => [],
  () => [1, 2, 3],
  () => [0.5, Number.NaN],
  () => new Array(70_000),
  () => () => 1,
  () => new Date(0),
  () => new Map(),
  () => new ArrayBuffer(16),
  () => new SharedArrayBuffer(16),
  () => new DataView(new ArrayBuffer(16)),
  () => new Proxy({}, {}),
  detached,
  () => new Uint8Array(new SharedArrayBuffer(64)),
  () => new Uint8Array(new ArrayBuffer(64, { maxByteLength: 128 })),
  () => new Uint8Array(allocate(64).buffer, 3, 32),
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(
    (A) => () => new A(33),
  ),
  ...[Float32Array, Float64Array].map((A) => () => new A(33).fill(Number.NaN)),
  () => new Float32Array(0),
  () => new BigInt64Array(9),
];

/** Another value in the place of one somewhere below `value`, which is changed in part and shared in part. */
function mutated(value: unknown, random: Random): unknown {
  const inside = typeof value === "object" && !ArrayBuffer.isView(value) ? value : null;
  const keys = Object.keys(inside ?? {});
  if (inside === null || keys.length === 0 || random() < 0.15) {
    if (ArrayBuffer.isView(value) && random() < 0.5) return cut(value as Uint8Array | DataView, random);
    return random() < 0.5 ? pick(random, NUMBERS) : pick(random, JUNK)();
  }
  const copy = (Array.isArray(inside) ? [...inside] : { ...inside }) as Record<string, unknown>;
  const key = pick(random, keys);
  copy[key] = mutated(copy[key], random);
  return copy;
}

/** A part of a typed array, at an odd place. */
function cut(array: Uint8Array | DataView, random: Random): ArrayBufferView {
  if (array instanceof DataView || (array.buffer instanceof ArrayBuffer && array.buffer.detached))
    return array;
  return array.subarray(Math.floor(random() * 3), Math.floor(random() * (array.length + 1)));
}

/** Whether it was taken; anything but taken and a typed refusal fails the test. */
function isTaken(call: () => unknown, describeCall: () => string): boolean {
  try {
    call();
    return true;
  } catch (error) {
    return notTaken(error, describeCall);
  }
}

function notTaken(error: unknown, describeCall: () => string): false {
  if (error instanceof SightlineError && error.code === "ERR_ADDON_ARGUMENT") return false;
  throw new Error(`not a typed refusal: ${describeCall()}`, { cause: error });
}

const text = (args: unknown): string =>
  JSON.stringify(args, (_, v) => (typeof v === "bigint" || typeof v === "symbol" ? String(v) : v));

describe.each([
  ["best variants", openKernels()],
  ["generic", openKernels([])],
] as const)("random arguments are taken or refused with ERR_ADDON_ARGUMENT, %s", (_, kernels) => {
  const lists = LISTS / 2 / KERNEL_CALLS.length;
  test.each(KERNEL_CALLS.map((make, i) => [make(randomFrom(0)).method, make, 400 + i] as const))(
    `%s, ${lists.toFixed(0)} lists (seed $2)`,
    { timeout: 900_000 },
    async (_, make, seed) => {
      const random = randomFrom(seed);
      const pending: Promise<boolean>[] = [];
      let taken = 0;
      const settle = async () => {
        for (const isOne of await Promise.all(pending.splice(0))) taken += isOne ? 1 : 0;
      };
      for (let i = 0; i < lists; i++) {
        const { args, method } = make(random);
        let given: unknown = args;
        for (let left = Math.floor(random() * 4); left > 0; left--) given = mutated(given, random);
        const list = Array.isArray(given) ? given.slice(0, 9) : [given];
        pending.push(isCallTaken(kernels, method, list));
        if (pending.length === TOGETHER) await settle();
      }
      await settle();
      // Both kinds came up often, or the test would show little.
      expect(taken / lists).toBeGreaterThan(0.1);
      expect(taken / lists).toBeLessThan(0.9);
    },
  );
});

async function isCallTaken(kernels: Kernels, method: keyof Kernels, list: unknown[]): Promise<boolean> {
  try {
    await (kernels[method] as KernelMethod).apply(kernels, list);
    return true;
  } catch (error) {
    return notTaken(error, () => `${method} ${text(list)}`);
  }
}

test("no kernel is left out", () => {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(openKernels()));
  const those = methods.filter((name) => !/^chosen$|^constructor$/.test(name));
  const random = randomFrom(0);
  expect(KERNEL_CALLS.map((make) => make(random).method).sort()).toEqual(those.sort());
});

test("blocks and kernels are opened, or refused with ERR_ADDON_ARGUMENT, 20,000 lists (seed 399)", () => {
  const random = randomFrom(399);
  for (let i = 0; i < 20_000; i++) {
    const value = random() < 0.5 ? pick(random, NUMBERS) : pick(random, JUNK)();
    const bytes = typeof value === "number" && value > 2 ** 26 ? 2 ** 41 : value;
    isTaken(
      () => (allocate as Call)(bytes),
      () => `allocate ${text(bytes)}`,
    );
    isTaken(
      () => (attach as Call)(value),
      () => `attach ${text(value)}`,
    );
    isTaken(
      () => (openKernels as Call)(value),
      () => `openKernels ${text(value)}`,
    );
  }
});
