import { readdirSync } from "node:fs";
import { rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { elementType } from "../../models/onnx/element-types.ts";
import { dimsOf } from "../../models/onnx/tensor.ts";
import { encodeModel, takeWeights, withLocation } from "../../models/onnx/write-model.ts";
import type { MappedTensor, WeightsFile } from "../../runtime/session/execution-provider.ts";
import { matMulChain } from "../support/big-models.ts";
import { bytesOf, randomFeeds, startProvider } from "../support/models.ts";
import { repeats } from "../support/repeats.ts";
import { tempFolder } from "../support/temp-folder.ts";

const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const provider = startProvider(2);
afterAll(() => provider.close());

const model = matMulChain(4, 256);
const split = takeWeights(model);
const ELEMENTS = new Map((model.graph?.initializer ?? []).map((tensor) => [tensor.name, tensor]));
const TENSORS: MappedTensor[] = split.tensors.map(({ bytes, name, offset }) => {
  const tensor = ELEMENTS.get(name);
  if (!tensor || !elementType(tensor.dataType)) throw new Error(`no tensor ${name}`);
  return { name, bytes, offset, type: tensor.dataType, dims: dimsOf(tensor) };
});
const GRAPH = encodeModel(withLocation(split.model, "weights.bin"));

async function mapped(): Promise<{ folder: string; file: WeightsFile; path: string }> {
  const folder = await tempFolder();
  const path = join(folder, "weights.bin");
  await writeFile(path, Buffer.concat(split.chunks));
  return { folder, path, file: await provider.map(path) };
}

const load = ({ file, folder }: { file: WeightsFile; folder: string }, signal?: AbortSignal) =>
  provider.load(GRAPH, {
    optimization: "none",
    entries: {
      "session.disable_prepacking": "1",
      "session.model_external_initializers_file_folder_path": folder,
    },
    weights: { file, tensors: TENSORS },
    ...(signal && { signal }),
  });

describe("weights that are used where they are mapped", () => {
  let wanted: Buffer;
  let feeds: ReturnType<typeof randomFeeds>;

  beforeAll(async () => {
    const whole = await provider.load(encodeModel(model), { entries: { "session.disable_prepacking": "1" } });
    feeds = randomFeeds(whole.inputs, 1);
    const { y } = await whole.run(0, feeds);
    wanted = y ? Buffer.from(bytesOf(y)) : Buffer.alloc(0);
    await whole.unload();
  });

  test("give what the whole model gives, come in when they are asked for, and go when they are let go", async () => {
    const place = await mapped();
    const session = await load(place);
    expect(session.memory()).toMatchObject({ mappedBytes: 4 * 256 * 256 * 4, weightsBytes: 0 });
    expect(place.file.residentBytes()).toBe(0);
    await session.prefetch();
    expect(place.file.residentBytes()).toBe(place.file.bytes);
    const { y } = await session.run(0, feeds, { releasePages: true });
    expect(y && bytesOf(y)).toEqual(wanted);
    expect(place.file.residentBytes()).toBe(0);
    await session.unload();
    place.file.close();
  });

  test("stay mapped for a session when the file was closed, and for no longer", async () => {
    const place = await mapped();
    const session = await load(place);
    place.file.close();
    const { y } = await session.run(1, feeds);
    expect(y && bytesOf(y)).toEqual(wanted);
    await session.unload();
    expect(() => place.file.isIntact()).toThrow(code("ERR_ADDON_ARGUMENT"));
  });

  test("that are cut short fail the run, and no other session's", async () => {
    const [broken, whole] = [await mapped(), await mapped()];
    const sessions = [await load(broken), await load(whole)];
    await truncate(broken.path, 100);
    await expect(sessions[0]?.run(0, feeds)).rejects.toEqual(code("ERR_MODEL_DIGEST"));
    expect(broken.file.isIntact()).toBe(false);
    const made = await sessions[1]?.run(0, feeds);
    expect(made?.y && bytesOf(made.y)).toEqual(wanted);
    await Promise.all(sessions.map((session) => session.unload()));
  });

  test("that are no file, empty, or a link are refused", async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, "empty"), "");
    await symlink("empty", join(folder, "link"));
    for (const name of ["missing", "empty", "link", "."]) {
      await expect(provider.map(join(folder, name))).rejects.toEqual(code("ERR_MODEL_MISSING"));
    }
  });

  test("that leave the file are refused", async () => {
    const { file, folder } = await mapped();
    const tensors = TENSORS.map((tensor) => ({ ...tensor, offset: file.bytes - 8 }));
    const given = {
      weights: { file, tensors },
      entries: { "session.model_external_initializers_file_folder_path": folder },
    };
    await expect(provider.load(GRAPH, given)).rejects.toEqual(code("ERR_ADDON_ARGUMENT"));
  });
});

test("loads that are given up at any moment leave nothing behind", async () => {
  const place = await mapped();
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const before = { ...provider.memory(), descriptors: descriptors() };
  let [opened, cancelled] = [0, 0];
  for (let i = 0; i < repeats(200); i++) {
    const giveUp = new AbortController();
    const loading = load(place, giveUp.signal);
    // From at once to well after a load has ended.
    for (let turns = i % 40; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    giveUp.abort();
    try {
      const session = await loading;
      opened++;
      await session.unload();
    } catch (error) {
      expect(error).toEqual(code("ERR_SESSION_CANCELLED"));
      cancelled++;
    }
  }
  expect(opened + cancelled).toBe(repeats(200));
  expect(cancelled).toBeGreaterThan(0);
  expect(provider.memory().weightsBytes).toBe(before.weightsBytes);
  expect(descriptors()).toBe(before.descriptors);
  place.file.close();
  await rm(place.folder, { recursive: true });
});
