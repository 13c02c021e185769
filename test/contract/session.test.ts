import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allocate, memoryUse } from "../../runtime/native/index.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import type { Session } from "../../runtime/session/execution-provider.ts";
import { findOnnxRuntimeLibrary } from "../../runtime/session/onnxruntime-library.ts";
import { ARRAY_OF, byteCount, type NamedTensors } from "../../runtime/tensor/tensor.ts";
import { runSync } from "../support/child-processes.ts";
import { bytesOf, MODELS, randomFeeds, startProvider } from "../support/models.ts";
import { openOracle } from "../support/oracle.ts";
import { repeats } from "../support/repeats.ts";

const SEED = 20_260_101;
const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const bytesByName = (tensors: NamedTensors): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, bytesOf(tensor)]));

const provider = startProvider(2);
afterAll(() => provider.close());

describe.each(Object.entries(MODELS))("%s equals onnxruntime-node bit for bit (seed 20260101)", (_, path) => {
  let session: Session;
  let feeds: NamedTensors;
  let wanted: Record<string, Buffer>;

  beforeAll(async () => {
    session = await provider.load(path);
    feeds = randomFeeds(session.inputs, SEED);
    const oracle = await openOracle(path);
    wanted = await oracle.run(feeds);
    await oracle.release();
  });
  afterAll(() => session.unload());

  test("with outputs that ONNX Runtime allocates", async () => {
    const results = await session.run(0, feeds);
    expect(Object.keys(results).sort()).toEqual(Object.keys(wanted).sort());
    expect(bytesByName(results)).toEqual(wanted);
  });

  test("with outputs written in place, in native memory", async () => {
    const first = await session.run(0, feeds);
    const outputs: NamedTensors = {};
    for (const [name, { dtype, dims }] of Object.entries(first)) {
      const { buffer } = allocate(byteCount(dtype, dims) + 64);
      outputs[name] = { dtype, dims, data: new ARRAY_OF[dtype](buffer, 64) };
    }
    const results = await session.run(1, feeds, { outputs });
    for (const [name, tensor] of Object.entries(results)) expect(tensor).toBe(outputs[name]);
    expect(bytesByName(outputs)).toEqual(wanted);
  });

  test("with inputs in a SharedArrayBuffer and in native memory", async () => {
    for (const make of [(n: number) => new SharedArrayBuffer(n), (n: number) => allocate(n).buffer]) {
      const moved: NamedTensors = {};
      for (const [name, tensor] of Object.entries(feeds)) {
        const data = new ARRAY_OF[tensor.dtype](make(tensor.data.byteLength) as ArrayBuffer);
        bytesOf({ data }).set(bytesOf(tensor));
        moved[name] = { ...tensor, data };
      }
      expect(bytesByName(await session.run(0, moved))).toEqual(wanted);
    }
  });

  test("with both slots running it at once", async () => {
    const runs = Array.from({ length: repeats(8) }, (_, i) => session.run(i % 2, feeds));
    for (const results of await Promise.all(runs)) expect(bytesByName(results)).toEqual(wanted);
  });

  test("when loaded from bytes", async () => {
    const other = await provider.load(new Uint8Array(readFileSync(path)));
    expect(bytesByName(await other.run(0, feeds))).toEqual(wanted);
    await other.unload();
  });
});

test("two slots that run different inputs of one session do not mix them up", async () => {
  const session = await provider.load(MODELS.mobilenetV1);
  const inputs = [1, 2, 3, 4].map((seed) => randomFeeds(session.inputs, seed, 2));
  const alone: Record<string, Buffer>[] = [];
  for (const feeds of inputs) alone.push(bytesByName(await session.run(0, feeds)));
  const together = await Promise.all(
    Array.from({ length: repeats(32) }, (_, i) => session.run(i % 2, inputs[i % 4] ?? {})),
  );
  together.forEach((results, i) => {
    expect(bytesByName(results)).toEqual(alone[i % 4]);
  });
  await session.unload();
});

test("slots run one session side by side: a short run overtakes a long one that began before it", async () => {
  const session = await provider.load(MODELS.mobilenetV1);
  const order: string[] = [];
  const long = session.run(0, randomFeeds(session.inputs, SEED, repeats(64))).then(() => order.push("long"));
  const short = session.run(1, randomFeeds(session.inputs, SEED)).then(() => order.push("short"));
  await Promise.all([long, short]);
  expect(order).toEqual(["short", "long"]);
  await session.unload();
});

test("dynamic dimensions are -1 in the description and follow the input in the result", async () => {
  const session = await provider.load(MODELS.mobilenetV1);
  expect(session.inputs).toEqual([{ name: "input", dtype: "float32", dims: [-1, 3, 128, 128] }]);
  expect(session.outputs).toContainEqual({ name: "probs", dtype: "float32", dims: [-1, 1001] });
  const results = await session.run(0, randomFeeds(session.inputs, SEED, 3));
  expect(results.probs?.dims).toEqual([3, 1001]);
  expect(results.probs?.data.length).toBe(3 * 1001);
  await session.unload();
});

test("a batch of none gives outputs of none", async () => {
  const session = await provider.load(MODELS.mobilenetV1);
  const empty = { input: { dtype: "float32", dims: [0, 3, 128, 128], data: new Float32Array(0) } } as const;
  const results = await session.run(0, empty);
  expect(results.probs).toEqual({ dtype: "float32", dims: [0, 1001], data: new Float32Array(0) });
  await session.unload();
});

describe("run refuses with ERR_MODEL_IO", () => {
  let session: Session;
  beforeAll(async () => {
    session = await provider.load(MODELS.mobilenetV1);
  });
  afterAll(() => session.unload());

  const dims = [1, 3, 128, 128];
  const data = new Float32Array(3 * 128 * 128);
  const input = { dtype: "float32", dims, data } as const;
  const probs = { dtype: "float32", dims: [1, 1000], data: new Float32Array(1000) } as const;
  const cases: [string, NamedTensors, NamedTensors | undefined, string][] = [
    ["a missing input", {}, undefined, 'input "input" is missing; expected float32 [?,3,128,128]'],
    [
      "an unknown input",
      { input, extra: input },
      undefined,
      'there is no input "extra"; the model has "input"',
    ],
    [
      "another type",
      { input: { dtype: "uint8", dims, data: new Uint8Array(3) } },
      undefined,
      "is uint8 [1,3,128,128]; expected float32",
    ],
    [
      "another rank",
      { input: { ...input, dims: [3, 128, 128] } },
      undefined,
      "is float32 [3,128,128]; expected float32 [?,3,128,128]",
    ],
    ["another size", { input: { ...input, dims: [1, 3, 64, 64] } }, undefined, "[1,3,64,64]"],
    [
      "a fraction of an image",
      { input: { ...input, dims: [0.5, 3, 128, 128] } },
      undefined,
      "[0.5,3,128,128]",
    ],
    [
      "too little data",
      { input: { ...input, data: new Float32Array(5) } },
      undefined,
      "holds a Float32Array of 5; expected a Float32Array of 49152",
    ],
    [
      "data of another class",
      { input: { ...input, data: new Int32Array(data.length) } },
      undefined,
      "holds a Int32Array",
    ],
    [
      "a resizable buffer",
      {
        input: {
          ...input,
          data: new Float32Array(new ArrayBuffer(data.byteLength, { maxByteLength: data.byteLength * 2 })),
        },
      },
      undefined,
      "in a resizable buffer",
    ],
    [
      "an output of another size",
      { input },
      { probs },
      'output "probs" is float32 [1,1000]; expected float32 [?,1001]',
    ],
    ["an unknown output", { input }, { nope: probs }, 'there is no output "nope"'],
  ];
  test.each(cases)("%s", async (_, feeds, outputs, message) => {
    const run = session.run(0, feeds, outputs ? { outputs } : {});
    await expect(run).rejects.toEqual(code("ERR_MODEL_IO"));
    await expect(run).rejects.toThrow(message);
  });

  test("and runs as before afterwards", async () => {
    expect((await session.run(0, { input })).probs?.data.length).toBe(1001);
  });

  test("ERR_SESSION_RUN for an output whose batch differs from the input's", async () => {
    const outputs = { probs: { dtype: "float32", dims: [2, 1001], data: new Float32Array(2002) } } as const;
    await expect(session.run(0, { input }, { outputs })).rejects.toEqual(code("ERR_SESSION_RUN"));
  });

  test("ERR_ADDON_ARGUMENT for a slot that does not exist", async () => {
    await expect(session.run(2, { input })).rejects.toEqual(code("ERR_ADDON_ARGUMENT"));
  });
});

describe("loading and closing", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sightline-session-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("a file that does not exist is ERR_MODEL_MISSING", async () => {
    await expect(provider.load(join(folder, "none.onnx"))).rejects.toEqual(code("ERR_MODEL_MISSING"));
  });

  test.each([
    ["no model", Buffer.from("not a model")],
    ["half a model", readFileSync(MODELS.mobilenetV1).subarray(0, 200_000)],
  ])("%s is ERR_MODEL_LOAD, from a file and from bytes", async (name, bytes) => {
    const path = join(folder, `${name}.onnx`);
    await writeFile(path, bytes);
    await expect(provider.load(path)).rejects.toEqual(code("ERR_MODEL_LOAD"));
    await expect(provider.load(new Uint8Array(bytes))).rejects.toEqual(code("ERR_MODEL_LOAD"));
  });

  test("no bytes at all is ERR_ADDON_ARGUMENT", async () => {
    await expect(provider.load(new Uint8Array(0))).rejects.toEqual(code("ERR_ADDON_ARGUMENT"));
  });

  test("unload waits for runs in flight; a later run is ERR_SESSION_CLOSED; twice is once", async () => {
    const session = await provider.load(MODELS.mobilenetV1);
    const feeds = randomFeeds(session.inputs, SEED);
    const ended: string[] = [];
    const runs = [0, 1, 0, 1].map((slot) => session.run(slot, feeds).then(() => ended.push("run")));
    const unloads = [session.unload(), session.unload()];
    await expect(session.run(0, feeds)).rejects.toEqual(code("ERR_SESSION_CLOSED"));
    await Promise.all([...runs, ...unloads.map((done) => done.then(() => ended.push("unload")))]);
    expect(ended).toEqual(["run", "run", "run", "run", "unload", "unload"]);
  });

  test("outputs outlive their session", async () => {
    const session = await provider.load(MODELS.mobilenetV1);
    const { probs } = await session.run(0, randomFeeds(session.inputs, SEED));
    await session.unload();
    const sum = Float32Array.from(probs?.data as Float32Array).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 3);
  });

  test("close cancels runs and loads, twice is once, and start opens it again", async () => {
    const other = startProvider(1);
    const session = await other.load(MODELS.mobilenetV2);
    const feeds = randomFeeds(session.inputs, SEED, 8);
    const work = Promise.allSettled([
      session.run(0, feeds),
      session.run(0, feeds),
      other.load(MODELS.mobilenetV1),
    ]);
    await Promise.all([other.close(), other.close()]);
    for (const outcome of await work) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ERR_SESSION_CANCELLED" } });
    }
    await expect(other.load(MODELS.mobilenetV1)).rejects.toEqual(code("ERR_SESSION_CLOSED"));
    await expect(session.run(0, feeds)).rejects.toEqual(code("ERR_SESSION_CLOSED"));
    other.start();
    await expect(other.load(MODELS.mobilenetV1)).resolves.toBeDefined();
    await other.close();
  });

  test("a provider that was not started is ERR_SESSION_CLOSED, and closes", async () => {
    const idle = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1 });
    await expect(idle.load(MODELS.mobilenetV1)).rejects.toEqual(code("ERR_SESSION_CLOSED"));
    expect(() => idle.runtimeVersion).toThrow(code("ERR_SESSION_CLOSED"));
    await idle.close();
  });

  test("the library: its version, none, one that is no library, one that is not ONNX Runtime", async () => {
    expect(provider.runtimeVersion).toMatch(/^1\.\d+\.\d+$/);
    expect(findOnnxRuntimeLibrary()).toMatch(/libonnxruntime\.so\.1$/);
    const text = join(folder, "text.so");
    await writeFile(text, "text");
    const notOrt = process.report.getReport() as unknown as { sharedObjects: string[] };
    const libc = notOrt.sharedObjects.find((path) => path.includes("libm.so")) ?? "";
    expect(libc).not.toBe("");
    for (const library of [join(folder, "none.so"), text, libc]) {
      const broken = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1, library });
      expect(() => broken.start()).toThrow(code("ERR_ORT_LIBRARY"));
    }
  });

  test("a library older than 1.17 is ERR_ORT_LIBRARY, with both versions in the message", async () => {
    const source = join(folder, "old.cc");
    const library = join(folder, "old.so");
    await writeFile(
      source,
      `struct Base { const void* (*api)(unsigned); const char* (*version)(); };
       static const Base base{[](unsigned) -> const void* { return nullptr; }, [] { return "1.16.3"; }};
       extern "C" const Base* OrtGetApiBase() { return &base; }`,
    );
    runSync(process.env.CXX ?? "c++", ["-shared", "-fPIC", source, "-o", library]);
    const old = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1, library });
    expect(() => old.start()).toThrow(code("ERR_ORT_LIBRARY"));
    expect(() => old.start()).toThrow("version 1.16.3 is older than 1.17");
  });

  test("more than one intra-op thread gives the same results but for rounding", async () => {
    const wide = startProvider(1, 2);
    const session = await wide.load(MODELS.mobilenetV1);
    const narrow = await provider.load(MODELS.mobilenetV1);
    const feeds = randomFeeds(session.inputs, SEED);
    const [a, b] = await Promise.all([session.run(0, feeds), narrow.run(0, feeds)]);
    const pairs = Array.from(a.probs?.data as Float32Array, (value, i) => [value, b.probs?.data[i]] as const);
    for (const [ours, theirs] of pairs) expect(ours).toBeCloseTo(Number(theirs), 5);
    await narrow.unload();
    await wide.close();
  });

  test("blocks that this file allocated are counted", () => {
    const before = memoryUse();
    const { buffer } = allocate(4096);
    expect(memoryUse()).toEqual({ bytes: before.bytes + 4096, blocks: before.blocks + 1 });
    expect(buffer.byteLength).toBe(4096);
  });
});
