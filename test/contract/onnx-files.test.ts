import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { copyModel } from "../../models/onnx/copy-model.ts";
import { parseModel, readModel } from "../../models/onnx/read-model.ts";
import { encodeModel, takeWeights, WEIGHTS_ALIGN_BYTES } from "../../models/onnx/write-model.ts";
import { writeStage } from "../../toolchain/pack/write-blobs.ts";
import { bytesOf, randomFeeds, startProvider } from "../support/models.ts";
import { ONNX_FILES } from "../support/onnx-models.ts";
import { tempFolder } from "../support/temp-folder.ts";

const provider = startProvider(1);
afterAll(() => provider.close());

describe.each(Object.entries(ONNX_FILES))("%s", (name, path) => {
  it("is saved as it was read, byte by byte", async () => {
    const bytes = await readFile(path);
    expect(bytes.equals(encodeModel(parseModel(bytes)))).toBe(true);
  });

  it("keeps what the schema does not know, wherever it is copied", async () => {
    // Field 2000 of the model: a number.
    const bytes = Buffer.concat([await readFile(path), Uint8Array.of(0x80, 0x7d, 42)]);
    expect(bytes.equals(encodeModel(copyModel(parseModel(bytes))))).toBe(true);
  });

  it("runs the same with its weights in a file beside it", async () => {
    const folder = await tempFolder();
    const model = await readModel(path);
    const stage = await writeStage(folder, model);
    for (const { offset } of stage.weights?.tensors ?? []) expect(offset % WEIGHTS_ALIGN_BYTES).toBe(0);
    const [whole, apart] = [await provider.load(path), await provider.load(join(folder, stage.file))];
    const side = name === "ocrDet" ? 64 : 48;
    const feeds = randomFeeds(whole.inputs, 1, name.startsWith("ocr") ? side : 1);
    const [wanted, given] = [await whole.run(0, feeds), await apart.run(0, feeds)];
    expect(Object.keys(given)).toEqual(Object.keys(wanted));
    for (const [output, tensor] of Object.entries(wanted)) {
      const same = given[output];
      expect(same && bytesOf(same).equals(bytesOf(tensor)), output).toBe(true);
    }
    await Promise.all([whole.unload(), apart.unload()]);
  });
});

it("leaves the model as it is when it takes its weights out", async () => {
  const model = await readModel(ONNX_FILES.pcbAoi ?? "");
  const before = encodeModel(model);
  const { bytes, chunks, tensors } = takeWeights(model);
  expect(Buffer.from(encodeModel(model)).equals(before)).toBe(true);
  expect(tensors.length).toBeGreaterThan(10);
  expect(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBe(bytes);
});
