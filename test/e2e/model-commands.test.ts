import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { main } from "../../cli/commands.ts";
import { openBundle } from "../../models/bundle/bundle.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import { readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { cpuFeatures } from "../../runtime/native/index.ts";
import { chainModel } from "../support/chain-model.ts";
import { config, SAMPLES } from "../support/daemon-process.ts";
import { MODELS } from "../support/models.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { recordingContext } from "../unit/cli/recording-context.ts";

const PICTURE = join(SAMPLES, "00041207.jpg");
const INT8 = `int8-${machineTargets(process.arch, cpuFeatures())[0]}`;
/** Ten are the fewest of which two can be held out. */
const PICTURES = 10;

let folder: string;
/** What commands use for the time that they take. */
let scratch: string;
beforeEach(async () => {
  folder = await tempFolder();
  scratch = await tempFolder();
  vi.stubEnv("TMPDIR", scratch);
  await mkdir(join(folder, "pictures"));
  const names = (await readdir(SAMPLES)).sort().slice(0, PICTURES);
  for (const name of names) await copyFile(join(SAMPLES, name), join(folder, "pictures", name));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  expect(await readdir(scratch)).toEqual([]);
});

/** `sightline …`: exit code, and what it wrote to either side. */
async function sightline(...args: string[]) {
  const { context, outLines, errLines } = recordingContext(folder);
  const code = await main(args, context);
  return { code, out: outLines.join("\n"), err: errLines.join("\n") };
}

const model = (line: string) => sightline("model", ...line.split(" "));

async function done(line: string): Promise<string> {
  const { code, out, err } = await model(line);
  // Steps are told on standard error; an error has a code.
  expect([code, err]).toEqual([0, expect.not.stringContaining("ERR_")]);
  return out;
}

const refused = (code: string, exitCode = 1) => ({
  code: exitCode,
  err: expect.stringMatching(new RegExp(`^${code}: .+\n.+`, "m")),
});

const there = async (): Promise<string[]> => (await readdir(folder)).sort();

async function seen(bundle: string, ...more: string[]) {
  const { code, out, err } = await sightline("infer", "-m", bundle, "--json", ...more, PICTURE);
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out);
}

/** Two convolutions: commands end in a second, and quantizing one brings nothing. */
const writeTiny = () => writeFile(join(folder, "tiny.onnx"), encodeModel(chainModel([8, 4])));

describe("quantize", () => {
  test("a file, with its report and calibration", async () => {
    const out = await done(
      `quantize ${MODELS.mobilenetV1} --calibrate pictures --method minmax --force -o q.onnx --save-calibration c.json`,
    );
    expect(out).toMatch(/^size +1.8 MiB → \d+.\d KiB \(0.3\d×\)\ntime .+\noutputs +[12]\d.\d dB SQNR\n/);
    expect(await there()).toEqual([
      ...["c.json", "pictures", "q.onnx", "q.onnx.report.html", "q.onnx.report.json"],
    ]);
    const types = new Set((await readModel(join(folder, "q.onnx"))).graph?.node.map((n) => n.opType));
    expect([...types]).toEqual(expect.arrayContaining(["Conv", "DequantizeLinear", "QuantizeLinear"]));
    const report = JSON.parse(await readFile(join(folder, "q.onnx.report.json"), "utf8"));
    expect(report).toMatchObject({ schema: "sightline.quantization/1", images: { calibration: 8 } });
    expect(await readFile(join(folder, "q.onnx.report.html"), "utf8")).toContain("</html>");
    expect(await done("table c.json --format tensorrt --tensorrt 8601 -o trt.cache")).toMatch(/30 tensors/);
    expect(await readFile(join(folder, "trt.cache"), "utf8")).toMatch(
      /^TRT-8601-EntropyCalibration2\ninput: 3c01[0-9a-f]{4}\n(.+: [0-9a-f]{8}\n){29}$/,
    );
  });

  test("a bundle, whose new variant sees the same", async () => {
    await done("quantize pcb-aoi --calibrate pictures --method minmax --force -o bundle --report r");
    expect(await there()).toEqual(["bundle", "pictures", "r.html", "r.json"]);
    const { manifest, variant } = await openBundle(join(folder, "bundle"), { variant: INT8 });
    expect([variant.name, manifest.variants[0]?.name]).toEqual([INT8, INT8]);
    expect(manifest.report?.[INT8]).toMatchObject({ images: 8, method: "minmax" });
    const [quantized, float] = [
      await seen("bundle", "--variant", INT8),
      await seen("pcb-aoi", "--variant", "fp32"),
    ];
    const labels = ({ detections }: { detections: { label: string }[] }) =>
      detections.map((d) => d.label).sort();
    expect(labels(quantized)).toEqual(labels(float));
    expect(quantized.models[0].sha256).not.toBe(float.models[0].sha256);
  });

  test("with the frames of a camera", async () => {
    await writeTiny();
    const http = { listen: "127.0.0.1:8080" };
    const cameras = {
      cam0: { source: "replay", path: SAMPLES, fps: "max", repeat: "once" },
      pushed: { source: "http" },
    };
    const pipelines = { top: { camera: "cam0", model: "pcb" }, pushed: { camera: "pushed", model: "pcb" } };
    await writeFile(join(folder, "c.yaml"), stringify(config(1883, folder, { http, cameras, pipelines })));
    const line = "quantize tiny.onnx --size 64x64 --force -o q.onnx --method minmax --config c.yaml";
    await done(`${line} --camera cam0 --frames 10`);
    const report = JSON.parse(await readFile(join(folder, "q.onnx.report.json"), "utf8"));
    expect(report.images).toEqual({ calibration: 8, held_out: 1 });
    const again = line.replace("q.onnx", "again.onnx");
    expect(await model(`${again} --camera nobody`)).toEqual({ ...refused("ERR_USAGE", 2), out: "" });
    expect(await model(`${again} --camera pushed`)).toEqual({ ...refused("ERR_USAGE", 2), out: "" });
    expect(await model(`${again} --camera cam0 --frames 0`)).toEqual({ ...refused("ERR_USAGE", 2), out: "" });
  });

  test("writes nothing but the report of what is not worth having", async () => {
    await writeTiny();
    const line =
      "quantize tiny.onnx --size 64x64 --calibrate pictures --method minmax -o q.onnx --min-sqnr 200";
    expect(await model(line)).toMatchObject(refused("ERR_QUANTIZE_REFUSED"));
    expect(await there()).toEqual(["pictures", "q.onnx.report.html", "q.onnx.report.json", "tiny.onnx"]);
    const { refused: reasons } = JSON.parse(await readFile(join(folder, "q.onnx.report.json"), "utf8"));
    expect(reasons.join()).toMatch(/outputs have \d+.\d dB SQNR, required are 200/);
    await done(`${line} --force`);
    expect(await there()).toContain("q.onnx");
    expect(await model(`${line} --force`)).toEqual({ ...refused("ERR_MODEL_WRITE"), out: "" });
  });
});

describe("import", () => {
  const IMPORT = `import ${MODELS.mobilenetV1} --name things --decoder`;
  const writeLabels = (count: number) =>
    writeFile(join(folder, "labels.txt"), Array.from({ length: count }, (_, i) => `thing ${i}\n`).join(""));

  test("from a file to a signed model that runs, in stages", async () => {
    await writeLabels(256);
    await done("keygen maker");
    await mkdir(join(folder, "store/trust"), { recursive: true });
    await copyFile(join(folder, "maker.pub.pem"), join(folder, "store/trust/maker.pem"));
    const line = `${IMPORT} classifier --classes labels.txt --store store`;
    expect(await model(line)).toMatchObject(refused("ERR_MODEL_SIGNATURE"));
    const more = "--calibrate pictures --method minmax --budget 600KiB --sign maker.key.pem";
    const out = await done(`${line} ${more}`);
    expect(out).toMatch(/\nthings 1.0.0 is installed, .+ added, signed by [0-9a-f]{64}$/);
    expect(await done("verify --store store")).toBe("things 1.0.0: OK");
    const bundle = join(folder, "store/models/things/current");
    const { stages } = await openBundle(bundle, { variant: "float" });
    expect(stages.length).toBeGreaterThan(1);
    expect((await seen(bundle)).detections[0].label).toMatch(/^thing \d+$/);
    const content = config(1883, folder, { models: { pcb: { bundle } } });
    await writeFile(join(folder, "c.yaml"), stringify(content));
    expect(await sightline("check", "c.yaml")).toMatchObject({ code: 0, err: "" });
  });

  test("says what it cannot use, and leaves nothing behind", async () => {
    await writeLabels(256);
    await mkdir(join(folder, "empty"));
    await mkdir(join(folder, "one"));
    await copyFile(PICTURE, join(folder, "one/a.jpg"));
    await writeFile(join(folder, "few.txt"), "a\nb\n");
    const labelled = `${IMPORT} classifier --classes labels.txt`;
    const before = await there();
    for (const [line, code, exitCode] of [
      [`${IMPORT} guess --classes labels.txt`, "ERR_MODEL_MANIFEST"],
      [`${IMPORT} {"type": --classes labels.txt`, "ERR_USAGE", 2],
      [`${IMPORT} {"type":"classifier","output":"nothing"} --classes labels.txt`, "ERR_MODEL_IO"],
      [`${IMPORT} yolov8 --classes labels.txt`, "ERR_MODEL_IO"],
      [`${IMPORT} classifier`, "ERR_USAGE", 2],
      [`${IMPORT} classifier --classes none.txt`, "ERR_MODEL_MISSING"],
      [`${IMPORT} classifier --classes few.txt`, "ERR_MODEL_IO"],
      [`${labelled} --model-version one`, "ERR_MODEL_MANIFEST"],
      [`${labelled} --calibrate empty`, "ERR_IMAGE_READ"],
      [`${labelled} --calibrate nowhere`, "ERR_IMAGE_READ"],
      [`${labelled} --calibrate one`, "ERR_QUANTIZE_RANGE"],
      [`${labelled} --budget much`, "ERR_USAGE", 2],
      [`${labelled} --sign none.pem`, "ERR_MODEL_KEY"],
      ["import pcb-aoi --name again --decoder heatmap --classes labels.txt", "ERR_USAGE", 2],
      ["import none.onnx --name none --decoder classifier --classes labels.txt", "ERR_MODEL_MISSING"],
    ] as const)
      expect.soft(await model(line), line).toMatchObject(refused(code, exitCode));
    expect(await there()).toEqual(before);
  });
});
