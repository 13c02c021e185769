// What one writes first, of what the daemon does with a frame: reads and decodes a picture, fills the tensor, runs the
// classifier with onnxruntime-node on one thread, and publishes the class with QoS 1; then goes on.
//   node plain-first.ts BROKER_PORT MODEL.onnx FOLDER

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import mqtt from "mqtt";
import sharp from "sharp";
import { openPlain } from "./plain.ts";

const [port = "", model = "", folder = ""] = process.argv.slice(2);
const SIDE = 224;
const files = readdirSync(folder)
  .sort()
  .map((name) => join(folder, name));
const plane = SIDE * SIDE;
const input = new Float32Array(3 * plane);

async function fill(file: string): Promise<void> {
  const image = sharp(readFileSync(file)).resize(SIDE, SIDE, { fit: "fill", kernel: "linear" });
  const pixels = await image.toColourspace("srgb").raw().toBuffer();
  const channels = pixels.length / plane;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++)
      input[c * plane + i] = ((pixels[i * channels + (c % channels)] ?? 0) - 128) / 128;
  }
}

function best(scores: Float32Array): number {
  let winner = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] ?? 0) > (scores[winner] ?? 0)) winner = i;
  return winner;
}

const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
const run = await openPlain(model, { input: { dtype: "float32", dims: [1, 3, SIDE, SIDE], data: input } });
for (let id = 0; ; id++) {
  const file = files[id % files.length] ?? "";
  await fill(file);
  const scores = (await run())?.data as Float32Array;
  const classId = best(scores);
  const result = { id, file, class_id: classId, score: scores[classId] };
  await client.publishAsync("plain/result", JSON.stringify(result), { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
}
