// What one writes first: decode, fill, run, publish, one frame after the other, on the main thread.
//   node plain-loop.ts BROKER_PORT MODEL.onnx FOLDER

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import mqtt from "mqtt";
import ort from "onnxruntime-node";
import sharp from "sharp";

const [port = "", model = "", folder = ""] = process.argv.slice(2);
const files = readdirSync(folder)
  .sort()
  .map((name) => join(folder, name));
const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
const session = await ort.InferenceSession.create(model);
const [width, height, stride] = [640, 640, 8];
const [columns, rows] = [width / stride, height / stride];
const plane = columns * rows;

for (let id = 0; ; id++) {
  const file = files[id % files.length] ?? "";
  const pixels = await sharp(readFileSync(file)).greyscale().raw().toBuffer();
  const input = new Float32Array(width * height);
  for (let i = 0; i < input.length; i++) input[i] = (pixels[i] ?? 0) / 255;
  const feeds = { image: new ort.Tensor("float32", input, [1, 1, height, width]) };
  const { heatmap, boxes } = await session.run(feeds);
  const detections = peaks(heatmap?.data as Float32Array, boxes?.data as Float32Array);
  const verdict = detections.length > 0 ? "fail" : "pass";
  await client.publishAsync("plain/result", JSON.stringify({ id, file, verdict, detections }), { qos: 1 });
}

function peaks(heat: Float32Array, edges: Float32Array) {
  const found: { classId: number; score: number; box: number[] }[] = [];
  for (let i = 0; i < heat.length; i++) {
    if ((heat[i] ?? 0) >= 0.3 && isPeak(heat, i)) found.push(detection(heat, edges, i));
  }
  return found;
}

function isPeak(heat: Float32Array, i: number): boolean {
  const [x, y] = [i % columns, Math.floor((i % plane) / columns)];
  for (let dy = y > 0 ? -1 : 0; dy <= (y < rows - 1 ? 1 : 0); dy++) {
    for (let dx = x > 0 ? -1 : 0; dx <= (x < columns - 1 ? 1 : 0); dx++) {
      if ((heat[i + dy * columns + dx] ?? 0) > (heat[i] ?? 0)) return false;
    }
  }
  return true;
}

function detection(heat: Float32Array, edges: Float32Array, i: number) {
  const cell = i % plane;
  const edge = (n: number) => (edges[n * plane + cell] ?? 0) * stride;
  const [cx, cy] = [((cell % columns) + 0.5) * stride, (Math.floor(cell / columns) + 0.5) * stride];
  const box = [cx - edge(0), cy - edge(1), cx + edge(2), cy + edge(3)];
  return { classId: Math.floor(i / plane), score: heat[i] ?? 0, box };
}
