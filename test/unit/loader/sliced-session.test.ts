import { expect, test } from "vitest";
import { SlicedSession } from "../../../runtime/loader/sliced-session.ts";
import type { HeldSlot, RunOptions, Session } from "../../../runtime/session/execution-provider.ts";
import type { NamedTensors, TensorSpec } from "../../../runtime/tensor/tensor.ts";

const spec = (name: string): TensorSpec => ({ name, dtype: "float32", dims: [1] });
const tensor = (value: number) => ({ dtype: "float32", dims: [1], data: Float32Array.of(value) }) as const;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Two slices whose weights and runs come when the test says so; `said` is what they did, in order. */
function setUp() {
  const said: string[] = [];
  const runs: (() => void)[] = [];
  const weights: (() => void)[] = [];
  const slice = (name: string, takes: string, makes: string): Session => ({
    ...{ inputs: [spec(takes)], outputs: [spec(makes)] },
    run: (slot: number, feeds: NamedTensors, { releasePages }: RunOptions = {}) =>
      new Promise((resolve) => {
        said.push(`${name} on ${slot}${releasePages ? ", pages released" : ""}`);
        runs.push(() => resolve({ [makes]: tensor(1 + Number(feeds[takes]?.data[0])) }));
      }),
    prefetch: () =>
      new Promise((resolve) => {
        said.push(`weights of ${name}`);
        weights.push(resolve);
      }),
    unload: async () => void said.push(`${name} unloaded`),
    memory: () => ({ weightsBytes: 1, activationPeakBytes: 3, mappedBytes: 4 }),
  });
  const session = new SlicedSession([slice("a", "x", "h"), slice("b", "h", "y")], ["y"]);
  return { said, runs, weights, session };
}

/** A slot that says when it is given back, and comes back as the next one. */
function heldSlot(said: string[], first: number): HeldSlot {
  let slot = first;
  return {
    get slot() {
      return slot;
    },
    async without(work) {
      said.push(`slot ${slot} is free`);
      try {
        return await work;
      } finally {
        slot += 10;
      }
    },
  };
}

test("while a slice runs the next one's weights come in, and its own go afterwards", async () => {
  const { runs, said, session, weights } = setUp();
  const made = session.run(0, { x: tensor(1) });
  await settled();
  expect(said).toEqual(["weights of b", "a on 0, pages released"]);
  weights.shift()?.();
  runs.shift()?.();
  await settled();
  expect(said.slice(2)).toEqual(["b on 0, pages released"]);
  runs.shift()?.();
  expect(Array.from((await made).y?.data as Float32Array)).toEqual([3]);
});

test("a run that waits for its turn or for weights holds no slot, and goes on with the one that it has then", async () => {
  const { runs, said, session, weights } = setUp();
  const first = session.run(0, { x: tensor(1) }, { held: heldSlot(said, 0) });
  const second = session.run(1, { x: tensor(5) }, { held: heldSlot(said, 1) });
  await settled();
  runs.shift()?.();
  await settled();
  expect(said).toEqual(["weights of b", "a on 0, pages released", "slot 1 is free", "slot 0 is free"]);
  weights.shift()?.();
  await settled();
  expect(said.at(-1)).toBe("b on 10, pages released");
  runs.shift()?.();
  await first;
  await settled();
  expect(said.slice(-2)).toEqual(["weights of b", "a on 11, pages released"]);
  runs.shift()?.();
  weights.shift()?.();
  await settled();
  runs.shift()?.();
  expect(Array.from((await second).y?.data as Float32Array)).toEqual([7]);
});

test("a run that fails lets the next one begin", async () => {
  const { runs, session, weights } = setUp();
  const failing = session.run(0, {});
  await expect(failing).rejects.toMatchObject({ code: "ERR_MODEL_IO" });
  const made = session.run(0, { x: tensor(1) });
  await settled();
  weights.shift()?.();
  runs.shift()?.();
  await settled();
  runs.shift()?.();
  expect((await made).y).toBeDefined();
});
