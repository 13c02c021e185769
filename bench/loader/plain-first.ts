// What one writes first: opens a classifier with onnxruntime-node, decodes a picture, runs it and says so; then goes on.
//   node plain-first.ts MODEL.onnx FOLDER

import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { openPlain } from "./plain.ts";

const [model = "", folder = ""] = process.argv.slice(2);
const SIDE = 224;
const names = readdirSync(folder).sort();
const plane = SIDE * SIDE;
const input = new Float32Array(3 * plane);

async function fill(file: string): Promise<void> {
  const pixels = await sharp(file).resize(SIDE, SIDE, { fit: "fill" }).toColourspace("srgb").raw().toBuffer();
  const channels = pixels.length / plane;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++)
      input[c * plane + i] = ((pixels[i * channels + (c % channels)] ?? 0) - 128) / 128;
  }
}

await fill(join(folder, names[0] ?? ""));
const run = await openPlain(model, { input: { dtype: "float32", dims: [1, 3, SIDE, SIDE], data: input } });
for (let id = 0; ; id++) {
  if (id > 0) await fill(join(folder, names[id % names.length] ?? ""));
  await run();
  console.log(`result ${id}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
