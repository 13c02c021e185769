import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBundle } from "../../models/bundle/bundle.ts";
import type { Manifest } from "../../models/bundle/manifest.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { floatTensor } from "../../models/onnx/tensor.ts";
import { openKernels } from "../../runtime/native/index.ts";
import { fileFeeds, pictureFiles } from "../../toolchain/quantize/calibrate/images.ts";
import { type Labelled, taskScore } from "../../toolchain/quantize/score/task-score.ts";
import { PCB_AOI } from "../support/daemon-process.ts";
import { startProvider } from "../support/models.ts";

const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const provider = startProvider(1);
const kernels = openKernels();
afterAll(() => provider.close());

const BOARDS = ["00041207", "12100160", "90100009"];

let manifest: Manifest;
let model: ModelProto;
let pictures: Labelled[];
beforeAll(async () => {
  manifest = (await openBundle(PCB_AOI)).manifest;
  model = await readModel(join(PCB_AOI, "pcb-aoi.onnx"));
  const sample = (kind: string, name: string): string => join(PCB_AOI, "samples", kind, name);
  const files = BOARDS.map((name) => sample("images", `${name}.jpg`));
  const fed = await Array.fromAsync(files, (file) => fileFeeds(kernels, manifest.input, file));
  const labels = BOARDS.map((name) => readFileSync(sample("labels", `${name}.txt`), "utf8"));
  pictures = fed.map((each, i) => ({ ...each, labels: labels[i] ?? "" }));
});

const labelsOf = () => (Array.isArray(manifest.labels) ? manifest.labels : []);
const score = (of: ModelProto, on: readonly Labelled[]) =>
  taskScore({ provider, kernels, manifest, labels: labelsOf() }, of, each(on));

async function* each<T>(list: readonly T[]): AsyncGenerator<T> {
  yield* list;
}

describe("taskScore of a detector", () => {
  test("is near 1 for the shipped one on its samples", async () => {
    const { metric, score: map } = await score(model, pictures);
    expect(metric).toBe("map50");
    expect(map).toBeGreaterThan(0.95);
    expect(map).toBeLessThanOrEqual(1);
  });

  test("is low where the labels are those of another board", async () => {
    const [first, second] = pictures;
    const mixed = [
      { ...first, labels: second?.labels } as Labelled,
      { ...second, labels: first?.labels } as Labelled,
    ];
    expect((await score(model, mixed)).score).toBeLessThan(0.2);
  });

  test("is no score where nothing is to be found", async () => {
    const good = pictures.map((picture) => ({ ...picture, labels: "" }));
    await expect(score(model, good)).rejects.toThrow(code("ERR_LABELS"));
  });

  test("refuses labels that it does not know", async () => {
    const strange = pictures.map((picture) => ({ ...picture, labels: "1 2 3 4 scratch" }));
    await expect(score(model, strange)).rejects.toThrow(code("ERR_LABELS"));
  });

  test("of a model whose weights are all 0 is 0", async () => {
    const dead = await readModel(join(PCB_AOI, "pcb-aoi.onnx"));
    for (const [i, { dataType, dims, name }] of (dead.graph?.initializer ?? []).entries()) {
      const size = dims.reduce((product, side) => product * Number(side), 1);
      if (dataType === 1 && size > 1000 && dead.graph)
        dead.graph.initializer[i] = floatTensor(name, dims.map(Number), new Float32Array(size));
    }
    expect((await score(dead, pictures)).score).toBeLessThan(0.05);
  });
});

describe("fileFeeds", () => {
  test("gives a picture as the model takes it", async () => {
    const [feeds] = pictures.map((picture) => picture.feeds);
    expect(feeds?.image).toMatchObject({ dtype: "float32", dims: [1, 1, 640, 640] });
    const values = feeds?.image?.data as Float32Array;
    expect([Math.min(...values.subarray(0, 1e5)) >= 0, Math.max(...values.subarray(0, 1e5)) <= 1]).toEqual([
      true,
      true,
    ]);
  });

  test("names the file that is missing, or no picture", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sightline-pictures-"));
    const read = (file: string) => fileFeeds(kernels, manifest.input, file);
    try {
      const [missing, broken] = [join(folder, "none.png"), join(folder, "broken.png")];
      await writeFile(broken, "no picture");
      await expect(read(missing)).rejects.toThrow(code("ERR_IMAGE_READ"));
      await expect(read(missing)).rejects.toThrow("none.png");
      await expect(read(broken)).rejects.toThrow("broken.png");
      await expect(read(broken)).rejects.toMatchObject({ name: "SightlineError" });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("pictureFiles", () => {
  test("gives a folder's pictures by name, a file as it is, and says where there are none", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sightline-pictures-"));
    try {
      await expect(pictureFiles(folder)).rejects.toThrow(code("ERR_IMAGE_READ"));
      await expect(pictureFiles(join(folder, "none"))).rejects.toThrow(code("ERR_IMAGE_READ"));
      for (const name of ["b.PNG", "a.jpg", "notes.txt"]) await writeFile(join(folder, name), "");
      expect(await pictureFiles(folder)).toEqual([join(folder, "a.jpg"), join(folder, "b.PNG")]);
      expect(await pictureFiles(join(folder, "a.jpg"))).toEqual([join(folder, "a.jpg")]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
