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

for (let id = 0; ; id++) {
  const file = files[id % files.length] ?? "";
  const pixels = await sharp(readFileSync(file)).greyscale().raw().toBuffer();
  const input = new Float32Array(width * height);
  for (let i = 0; i < input.length; i++) input[i] = (pixels[i] ?? 0) / 255;
  const feeds = { image: new ort.Tensor("float32", input, [1, 1, height, width]) };
  const { heatmap, boxes } = await session.run(feeds);
  const detections = peaks(heatmap?.data as Float32Array, boxes?.data as Float32Array);
  const verdict = detections.length > 0 ? "fail" : "pass";
  client.publish("plain/result", JSON.stringify({ id, file, verdict, detections }), { qos: 1 });
}

function peaks(heat: Float32Array, edges: Float32Array) {
  const [columns, rows] = [width / stride, height / stride];
  const plane = columns * rows;
  const found: { classId: number; score: number; box: number[] }[] = [];
  for (let i = 0; i < heat.length; i++) {
    const score = heat[i] ?? 0;
    if (score < 0.3) continue;
    const [classId, cell] = [Math.floor(i / plane), i % plane];
    const [x, y] = [cell % columns, Math.floor(cell / columns)];
    const around = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [x + dx, y + dy] as const));
    const isPeak = around.every(([nx, ny]) => {
      const isOutside = nx < 0 || ny < 0 || nx >= columns || ny >= rows;
      return isOutside || (heat[classId * plane + ny * columns + nx] ?? 0) <= score;
    });
    if (!isPeak) continue;
    const edge = (n: number) => (edges[n * plane + cell] ?? 0) * stride;
    const [cx, cy] = [(x + 0.5) * stride, (y + 0.5) * stride];
    found.push({ classId, score, box: [cx - edge(0), cy - edge(1), cx + edge(2), cy + edge(3)] });
  }
  return found;
}
