import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { LABELS } from "../../models/zoo/pcb-aoi/labels.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { parseBoxes } from "../../toolchain/quantize/score/labels.ts";
import { config, PCB_AOI, SAMPLES, SightlineProcess, writeConfig } from "../support/daemon-process.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { range } from "../support/results.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

type Result = InspectionResult & { seq: number };

/** Runs a daemon with one pipeline over pictures, to their end. */
async function runPipeline(folder: string, pipeline: object, images: string, more = {}): Promise<Result[]> {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const cam0 = { source: "replay", path: images, fps: "max", repeat: "once" };
  const sections = { cameras: { cam0 }, pipelines: { top: { camera: "cam0", ...pipeline } }, ...more };
  const daemon = new SightlineProcess([
    "run",
    "--config",
    await writeConfig(folder, config(broker.port, folder, sections)),
  ]);
  expect(await daemon.ended).toMatchObject({ code: 0, stderr: "" });
  return subscriber.on("sightline/bench/pipeline/top/result").map(({ text }) => JSON.parse(text) as Result);
}

const OWN = `export default (options: { label: string }) => ({
  kind: "judging",
  judge(judged: any) {
    const count = judged.detections.filter((d: any) => d.label === options.label).length;
    const decision = { ...judged.decision, reasons: [...judged.decision.reasons, \`own: \${count}\`] };
    return [{ ...judged, decision }];
  },
});`;

test("a pipeline of region, tiles, measure, rules with a zone, a custom stage and a window", async () => {
  const folder = await tempFolder();
  await mkdir(join(folder, "stages"));
  await writeFile(join(folder, "stages/count.ts"), OWN);
  const gauge = { name: "widest open", what: "width", of: ["open"], usl: 1, verdict: "review" };
  const stages = [
    { stage: "region", left: 0, top: 0, width: 640, height: 480 },
    { stage: "detect", model: "pcb", min_score: 0.4, tile: { size_px: 400 } },
    { stage: "measure", gauges: [gauge] },
    { stage: "rules", rules: [{ inside: "upper" }, { outside: "upper", verdict: "review" }] },
    { stage: "custom", name: "count", options: { label: "open" } },
    { stage: "window", fails: 2, of: 2 },
  ];
  const zones = {
    upper: {
      points: [
        [0, 0],
        [640, 0],
        [640, 240],
        [0, 240],
      ],
    },
  };
  const more = { stages_folder: "stages" };
  const results = await runPipeline(folder, { px_per_mm: 48, zones, stages }, SAMPLES, more);
  expect(results.map((r) => r.seq)).toEqual(range(1, (await readdir(SAMPLES)).length));
  for (const { detections, frame_verdict, measurements, reasons } of results) {
    const centres = detections.map(({ box_px: [, y1 = 0, , y2 = 0] }) => (y1 + y2) / 2);
    expect(Math.max(0, ...centres)).toBeLessThan(480);
    expect(measurements).toMatchObject([{ name: "widest open", unit: "mm", usl: 1 }]);
    const isRight = measurements[0]?.ok === true && centres.length === 0;
    expect(frame_verdict).toBe(centres.some((y) => y < 240) ? "fail" : isRight ? "pass" : "review");
    const opens = detections.filter((d) => d.label === "open");
    expect(reasons.at(-1)).toBe(`own: ${opens.length}`);
    expect(measurements[0]?.value === null).toBe(opens.length === 0);
  }
  expect(results.some((r) => r.verdict === "fail")).toBe(true);
  expect(results[0]?.verdict).not.toBe("fail");
});

test("a board that slides through the view: each of its defects is judged once", async () => {
  const folder = await tempFolder();
  const belt = join(folder, "belt");
  await mkdir(belt);
  const board = await sharp(join(SAMPLES, "12100124.jpg")).greyscale().toBuffer();
  for (const [i, left] of range(0, 32)
    .map((n) => n * 40 - 640)
    .entries()) {
    const view = { left: Math.max(0, -left), top: 0, width: 640 - Math.abs(left), height: 640 };
    const part =
      view.width > 0
        ? [{ input: await sharp(board).extract(view).toBuffer(), left: Math.max(0, left), top: 0 }]
        : [];
    const canvas = sharp({ create: { width: 640, height: 640, channels: 3, background: "#fff" } });
    await canvas
      .composite(part)
      .png()
      .toFile(join(belt, `${String(i).padStart(3, "0")}.png`));
  }
  const line = [
    [320, 0],
    [320, 640],
  ];
  const stages = [
    { stage: "detect", model: "pcb", min_score: 0.4 },
    { stage: "track", line, min_iou: 0.05 },
    { stage: "rules", rules: [{}] },
  ];
  const results = await runPipeline(folder, { stages }, belt);
  const labels = parseBoxes(await readFile(join(PCB_AOI, "samples/labels/12100124.txt"), "utf8"), LABELS);
  expect(results.map((r) => r.detections[0]?.label).sort()).toEqual(labels.map((l) => l.label).sort());
  expect(new Set(results.map((r) => r.part?.track)).size).toBe(labels.length);
});

test("a custom stage that cannot be loaded stops the start, with the file", async () => {
  const folder = await tempFolder();
  const stages = [
    { stage: "detect", model: "pcb" },
    { stage: "own", name: "nothing" },
  ];
  const sections = { stages_folder: "stages", pipelines: { top: { camera: "cam0", stages } } };
  const file = await writeConfig(folder, config(1, folder, sections));
  const { code, stderr } = await new SightlineProcess(["run", "--config", file]).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/ERR_STAGE_LOAD.*nothing\.ts/s);
});
