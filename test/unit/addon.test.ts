import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { dynamicSymbols } from "../../deploy/check-elf.ts";
import {
  addonPath,
  allocate,
  attach,
  cpuFeatures,
  loadAddon,
  memoryUse,
  openEngine,
} from "../../runtime/native/index.ts";
import { findOnnxRuntimeLibrary } from "../../runtime/session/onnxruntime-library.ts";
import { MODELS } from "../support/models.ts";

const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const library = findOnnxRuntimeLibrary();
/** Values that no parameter of the addon accepts. */
const JUNK: unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  0.5,
  2 ** 60,
  "x",
  {},
  [],
  Symbol("s"),
  10n,
  () => {},
  new Date(),
];

test("an addon that is not there is ERR_ADDON_MISSING with a hint to build it", () => {
  const attempt = () => loadAddon("/nowhere/sightline.node");
  expect(attempt).toThrow(code("ERR_ADDON_MISSING"));
  expect(attempt).toThrow(expect.objectContaining({ hint: expect.stringContaining("build:native") }));
});

test("only the init functions are visible in the library", () => {
  // Anything more could clash with symbols of ONNX Runtime or Node at run time.
  const visible = dynamicSymbols(addonPath).filter(({ isDefined }) => isDefined);
  expect(visible.map(({ name }) => name).sort()).toEqual([
    "napi_register_module_v1",
    "node_api_module_get_api_version_v1",
  ]);
});

describe("memory", () => {
  test("blocks are aligned for SIMD, shared by id, and counted", () => {
    const before = memoryUse();
    const block = allocate(100);
    const second = attach(block.id);
    new Uint8Array(block.buffer).fill(9);
    expect(new Uint8Array(second).every((value) => value === 9)).toBe(true);
    expect(second.byteLength).toBe(100);
    expect(memoryUse()).toEqual({ bytes: before.bytes + 100, blocks: before.blocks + 1 });
  });

  test.each(JUNK.concat(0, 2 ** 41).map((value) => [value]))("allocate and attach refuse %s", (value) => {
    expect(() => allocate(value as number)).toThrow(code("ERR_ADDON_ARGUMENT"));
    expect(() => attach(value as number)).toThrow(code("ERR_ADDON_ARGUMENT"));
  });

  test("an id that was never given out is refused", () => {
    expect(() => attach(2 ** 32 - 1)).toThrow(code("ERR_ADDON_ARGUMENT"));
  });
});

describe("engine", () => {
  const engine = openEngine(library, 1);
  afterAll(() => engine.close());
  let ticket = 0;
  const load = () => engine.load(ticket++, MODELS.mobilenetV1, 1);
  const call = (name: "load" | "run" | "unload", ...args: unknown[]) =>
    (engine[name] as (...all: unknown[]) => unknown).apply(engine, args);
  const refused = (name: "load" | "run" | "unload", ...args: unknown[]) =>
    expect(() => call(name, ...args)).toThrow(code("ERR_ADDON_ARGUMENT"));

  test.each(JUNK.concat(0, 65).map((value) => [value]))("%s is no number of slots", (value) => {
    expect(() => openEngine(library, value as number)).toThrow(code("ERR_ADDON_ARGUMENT"));
  });

  test.each(JUNK.map((value) => [value]))(
    "%s is no ticket, model, slot, session or tensor",
    async (value) => {
      refused("load", value, MODELS.mobilenetV1, 1);
      if (typeof value !== "string") refused("load", ticket++, value, 1);
      refused("load", ticket++, MODELS.mobilenetV1, value);
      const { session } = await load();
      refused("run", value, 0, session, [], []);
      refused("run", ticket++, value, session, [], []);
      expect(() => call("run", ticket++, 0, value, [], [])).toThrow(code("ERR_SESSION_CLOSED"));
      if (!Array.isArray(value)) refused("run", ticket++, 0, session, value, []);
      refused("run", ticket++, 0, session, [value], []);
      const data = new Float32Array(3 * 128 * 128);
      const tensor = { index: 0, dims: [1, 3, 128, 128], data };
      refused("run", ticket++, 0, session, [{ ...tensor, index: value }], []);
      refused("run", ticket++, 0, session, [{ ...tensor, dims: value }], []);
      refused("run", ticket++, 0, session, [{ ...tensor, dims: [value, 3, 128, 128] }], []);
      refused("run", ticket++, 0, session, [{ ...tensor, data: value }], []);
      expect(() => call("unload", ticket++, value)).toThrow(code("ERR_SESSION_CLOSED"));
      expect(engine.cancel(value as number)).toBe(false);
      await engine.unload(ticket++, session);
    },
  );

  test("sizes are checked again behind TypeScript's back", async () => {
    const { session } = await load();
    const data = new Float32Array(3 * 128 * 128);
    const detached = new Float32Array(data);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const dims = [1, 3, 128, 128];
    refused("run", ticket++, 0, session, [{ index: 0, dims: [2, 3, 128, 128], data }], []);
    refused("run", ticket++, 0, session, [{ index: 0, dims: [2 ** 39, 2 ** 39, 2 ** 39], data }], []);
    refused("run", ticket++, 0, session, [{ index: 0, dims: new Array(33).fill(1), data }], []);
    refused("run", ticket++, 0, session, [{ index: 1, dims, data }], []);
    refused("run", ticket++, 0, session, [{ index: 0, dims, data: new Int32Array(data.length) }], []);
    refused("run", ticket++, 0, session, [{ index: 0, dims, data: detached }], []);
    refused("run", ticket++, 0, session, [{ index: 0, dims, data }], [{ index: 9, dims, data }]);
    await expect(engine.run(ticket++, 0, session, [], [])).rejects.toEqual(code("ERR_SESSION_RUN"));
    await expect(engine.run(ticket++, 0, session, [{ index: 0, dims: [49152], data }], [])).rejects.toEqual(
      code("ERR_SESSION_RUN"),
    );
    await engine.unload(ticket++, session);
  });

  test("a getter that throws is passed on", async () => {
    const { session } = await load();
    const tensor = {
      get index() {
        throw new RangeError("mine");
      },
    };
    expect(() => call("run", ticket++, 0, session, [tensor], [])).toThrow("mine");
    await engine.unload(ticket++, session);
  });

  test("a ticket in use, a session unloaded and an engine closed are typed", async () => {
    const other = openEngine(library, 1);
    const loading = other.load(5, MODELS.mobilenetV1, 1);
    expect(() => other.load(5, MODELS.mobilenetV1, 1)).toThrow(code("ERR_ADDON_ARGUMENT"));
    const { session } = await loading;
    const unloading = other.unload(6, session);
    expect(() => other.unload(7, session)).toThrow(code("ERR_SESSION_CLOSED"));
    expect(other.cancel(6)).toBe(false);
    await unloading;
    expect(() => other.run(8, 0, session, [], [])).toThrow(code("ERR_SESSION_CLOSED"));
    other.close();
    other.close();
    expect(() => other.version()).toThrow(code("ERR_SESSION_CLOSED"));
    expect(() => other.load(9, MODELS.mobilenetV1, 1)).toThrow(code("ERR_SESSION_CLOSED"));
    expect(other.cancel(9)).toBe(false);
  });
});

test("cpuFeatures agrees with the kernel's own list", () => {
  const line = readFileSync("/proc/cpuinfo", "latin1").match(/^(?:flags|Features)\s*:(.*)$/m)?.[1] ?? "";
  const listed = line.trim().split(/\s+/);
  for (const name of cpuFeatures()) expect(listed).toContain(name);
  for (const name of ["avx2", "avx512f", "asimd", "asimddp"]) {
    expect(cpuFeatures().includes(name)).toBe(listed.includes(name));
  }
});
