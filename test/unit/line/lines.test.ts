import { expect, test } from "vitest";
import type { Line, LineOptions, LineSource } from "../../../services/line/line.ts";
import { Lines } from "../../../services/line/lines.ts";

type FakeSource = LineSource & { buffer: number };

/** Lines that only say what is done with them. */
function setUp() {
  const said: string[] = [];
  const ends: Record<string, () => void> = {};
  const make = (options: LineOptions): Line<FakeSource> => {
    const { buffer, rules } = options.camera as { buffer: number; rules: number };
    const name = `${options.id}${buffer}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    const line = {
      ...{ options, source: { buffer } },
      hasEnded: false,
      ended: promise,
      open: async () => {
        if (buffer === 0) throw new Error("cannot be opened");
        said.push(`open ${name}`);
      },
      prepare: async (next: LineOptions) => {
        const wanted = next.camera as { buffer: number; rules: number };
        if (wanted.buffer !== buffer || wanted.rules === rules) return undefined;
        return {
          apply: async () => {
            said.push(`change ${name} to ${wanted.rules}`);
            line.options = next;
          },
          discard: async () => void said.push(`discard ${name}`),
        };
      },
      discard: async () => void said.push(`discard ${name}`),
      start: () => void said.push(`start ${name}`),
      stop: async () => {
        said.push(`stop ${name}`);
        ends[name]?.();
        await promise;
      },
    };
    ends[name] = () => {
      line.hasEnded = true;
      resolve();
    };
    return line as unknown as Line<FakeSource>;
  };
  const lines = new Lines<FakeSource>(make);
  const change = async (wanted: readonly LineOptions[]) => (await lines.prepare(wanted)).apply();
  return { change, ends, lines, said };
}

/** A number in the place of all that a camera may be configured as. */
const camera = (id: string, buffer: number, rules = 1): LineOptions => ({
  id,
  camera: { buffer, rules },
  pipelines: {},
});

test("what is the same goes on untouched, what differs is opened, then stopped, then started", async () => {
  const { change, lines, said } = setUp();
  await change([camera("a", 1), camera("b", 1)]);
  said.length = 0;
  const changes = await change([camera("a", 1), camera("b", 2), camera("c", 1)]);
  expect(changes).toEqual({ started: ["b", "c"], stopped: ["b"], changed: [] });
  expect(said).toEqual(["open b2", "open c1", "stop b1", "start b2", "start c1"]);
  expect(Object.keys(lines.each(({ buffer }) => buffer))).toEqual(["a", "b", "c"]);
});

test("a line that can become another one is neither stopped nor started", async () => {
  const { change, said } = setUp();
  await change([camera("a", 1), camera("b", 1)]);
  said.length = 0;
  expect(await change([camera("a", 1, 2), camera("b", 1)])).toEqual({
    ...{ started: [], stopped: [], changed: ["a"] },
  });
  expect(said).toEqual(["change a1 to 2"]);
});

test("what was ready is given up when another line cannot be opened", async () => {
  const { change, said } = setUp();
  await change([camera("a", 1), camera("b", 1)]);
  said.length = 0;
  const wanted = [camera("a", 1, 2), camera("b", 2), camera("c", 0)];
  await expect(change(wanted)).rejects.toThrow("cannot be opened");
  expect(said.toSorted()).toEqual(["discard a1", "discard b2", "discard c0", "open b2"]);
});

test("a line that cannot be opened changes nothing", async () => {
  const { change, lines, said } = setUp();
  await change([camera("a", 1), camera("b", 1)]);
  said.length = 0;
  await expect(change([camera("a", 0)])).rejects.toThrow("cannot be opened");
  expect(said).toEqual(["discard a0"]);
  expect(lines.each(({ buffer }) => buffer)).toEqual({ a: 1, b: 1 });
});

test("a line that was taken out ends nothing; the last one that ends by itself does", async () => {
  const { change, ends, lines } = setUp();
  await change([camera("a", 1), camera("b", 1)]);
  let hasEnded = false;
  void lines.ended.then(() => {
    hasEnded = true;
  });
  await change([camera("a", 1)]);
  ends.b1?.();
  await Promise.resolve();
  expect(hasEnded).toBe(false);
  ends.a1?.();
  await lines.ended;
});

test("the only line is replaced, and taken out, without an end", async () => {
  const { change, lines, said } = setUp();
  let hasEnded = false;
  void lines.ended.then(() => {
    hasEnded = true;
  });
  await change([camera("a", 1)]);
  await change([camera("a", 2)]);
  await change([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual(["open a1", "start a1", "open a2", "stop a1", "start a2", "stop a2"]);
  expect(hasEnded).toBe(false);
});
