import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { calibrationTable } from "../../../cli/verbs/model/calibration-table.ts";
import { calibrationText } from "../../../toolchain/quantize/calibrate/calibration-file.ts";
import { Histogram } from "../../../toolchain/quantize/calibrate/histogram.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { recordingContext } from "./recording-context.ts";

/** Values of an image: all but one in ten thousand within ±1, and one at `far`. */
function histogram(name: string, far: number): Histogram {
  const seen = new Histogram(name);
  seen.add(Float32Array.from({ length: 10_000 }, (_, i) => (i === 0 ? far : Math.sin(i))));
  return seen;
}

let folder: string;
beforeEach(async () => {
  folder = await tempFolder();
  const histograms = [histogram("y", 2), histogram("x", -127)];
  await writeFile(
    join(folder, "c.json"),
    calibrationText({ modelSha256: "0123456789abcdef".repeat(4), histograms }),
  );
});

async function table(line: string) {
  const { context, outLines } = recordingContext(folder);
  await calibrationTable.run(line.split(" "), context);
  return { said: outLines.join("\n"), text: await readFile(join(folder, "t"), "utf8") };
}

test("of ONNX Runtime's provider: a magnitude a tensor, also of a negative one", async () => {
  expect(await table("c.json --format onnxruntime --method minmax -o t")).toEqual({
    said: "Wrote t: 2 tensors of the model 0123456789ab…",
    text: "x 127\ny 2\n",
  });
});

test("of TensorRT: its version, and scales as hexadecimal float32", async () => {
  const { text } = await table("c.json --format tensorrt --tensorrt 8601 --method minmax -o t");
  // 127 / 127 and 2 / 127.
  expect(text).toBe("TRT-8601-EntropyCalibration2\nx: 3f800000\ny: 3c810204\n");
});

test.each([
  ["entropy", 100],
  ["percentile --percentile 99", 2],
  // One value far out costs more squares than coarser codes for all the others.
  ["mse", 126.5],
] as const)("%s cuts what is far out, below %f", async (method, max) => {
  const { text } = await table(`c.json --format onnxruntime --method ${method} -o t`);
  const [x = 0, y = 0] = text.split("\n").map((line) => Number(line.split(" ")[1]));
  expect(x).toBeLessThan(max);
  expect([x > 0.5, y > 0.5, y <= 2]).toEqual([true, true, true]);
});

test("what cannot be read, or is there already, is left as it is", async () => {
  const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
  await expect(table("none.json --format onnxruntime -o t")).rejects.toThrow(code("ERR_CALIBRATION_FILE"));
  await expect(table("c.json --format onnxruntime -o c.json")).rejects.toThrow(code("ERR_MODEL_WRITE"));
  expect(await readdir(folder)).toEqual(["c.json"]);
});
