import { expect, test } from "vitest";
import type { CameraLine, LineOptions } from "../../../services/daemon/camera-line.ts";
import { Lines } from "../../../services/daemon/lines.ts";

/** Lines that only say what is done with them. */
function setUp() {
  const said: string[] = [];
  const ends: Record<string, () => void> = {};
  const make = (options: LineOptions): CameraLine => {
    const name = `${options.id}${options.camera.buffer}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    const line = {
      options,
      hasEnded: false,
      ended: promise,
      open: async () => {
        if (options.camera.buffer === 0) throw new Error("cannot be opened");
        said.push(`open ${name}`);
      },
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
    return line as unknown as CameraLine;
  };
  return { ends, lines: new Lines(), make, said };
}

/** A number in the place of all that a camera may be configured as. */
const camera = (id: string, buffer: number) => ({ id, camera: { buffer }, pipelines: {} }) as LineOptions;

test("what is the same goes on untouched, what differs is opened, then stopped, then started", async () => {
  const { lines, make, said } = setUp();
  await lines.change([camera("a", 1), camera("b", 1)], make);
  said.length = 0;
  const changes = await lines.change([camera("a", 1), camera("b", 2), camera("c", 1)], make);
  expect(changes).toEqual({ started: ["b", "c"], stopped: ["b"] });
  expect(said).toEqual(["open b2", "open c1", "stop b1", "start b2", "start c1"]);
  expect(Object.keys(lines.each(({ options }) => options))).toEqual(["a", "b", "c"]);
});

test("a line that cannot be opened changes nothing", async () => {
  const { lines, make, said } = setUp();
  await lines.change([camera("a", 1), camera("b", 1)], make);
  said.length = 0;
  await expect(lines.change([camera("a", 0)], make)).rejects.toThrow("cannot be opened");
  expect(said).toEqual([]);
  expect(lines.each(({ options }) => options.camera.buffer)).toEqual({ a: 1, b: 1 });
});

test("a line that was taken out ends nothing; the last one that ends by itself does", async () => {
  const { ends, lines, make } = setUp();
  await lines.change([camera("a", 1), camera("b", 1)], make);
  let hasEnded = false;
  void lines.ended.then(() => {
    hasEnded = true;
  });
  await lines.change([camera("a", 1)], make);
  ends.b1?.();
  await Promise.resolve();
  expect(hasEnded).toBe(false);
  ends.a1?.();
  await lines.ended;
});

test("the only line is replaced, and taken out, without an end", async () => {
  const { lines, make, said } = setUp();
  let hasEnded = false;
  void lines.ended.then(() => {
    hasEnded = true;
  });
  await lines.change([camera("a", 1)], make);
  await lines.change([camera("a", 2)], make);
  await lines.change([], make);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual(["open a1", "start a1", "open a2", "stop a1", "start a2", "stop a2"]);
  expect(hasEnded).toBe(false);
});
