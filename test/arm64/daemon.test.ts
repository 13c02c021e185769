import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { CLI, config, PCB_AOI, SAMPLES, ScriptProcess, writeConfig } from "../support/daemon-process.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

const FRAMES = 10;
// Measured: none at all, in figures of four digits and tenths of a pixel.
const SCORE_TOLERANCE = 5e-4;
const BOX_TOLERANCE_PX = 0.2;

/** Int8 moves scores by a few hundredths. */
const SURE = 0.5;
const MARGIN = 0.1;
const INT8_FRAMES = 4;

interface Result {
  verdict: string;
  frame: { origin: string };
  detections: { label: string; score: number; box_px: number[] }[];
}

const board = (name: string): string =>
  fileURLToPath(new URL(`../../deploy/arm64/${name}/node`, import.meta.url));

/** The daemon, run by this Node, on the first sample boards, none left out. */
async function inspect(node: string, variant: string, frames = FRAMES) {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const folder = await tempFolder();
  const files = readdirSync(SAMPLES)
    .slice(0, frames)
    .map((name) => join(SAMPLES, name));
  const file = await writeConfig(
    folder,
    config(broker.port, folder, {
      engine: { run_limit: "10m" },
      models: { pcb: { bundle: PCB_AOI, variant } },
      cameras: { cam0: { source: "replay", files, fps: "max", repeat: "once" } },
    }),
  );
  const daemon = new ScriptProcess(CLI, ["run", "--config", file], {}, node);
  const texts = () => subscriber.on("sightline/bench/pipeline/top/result").map(({ text }) => text);
  await subscriber.until(() => texts().length === frames);
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  const [info] = subscriber.on("sightline/bench/info");
  const results = texts().map((text) => JSON.parse(text) as Result);
  expect(results.map(({ frame }) => frame.origin)).toEqual(files);
  return { info: JSON.parse(info?.text ?? "{}"), results };
}

/** The largest differences between what two machines found, which must be the same defects in the same order. */
function compare(ours: readonly Result[], theirs: readonly Result[]) {
  const labels = (results: readonly Result[]) =>
    results.map(({ detections }) => detections.map((d) => d.label));
  expect(labels(ours)).toEqual(labels(theirs));
  const [a, b] = [ours, theirs].map((results) => results.flatMap(({ detections }) => detections));
  const pairs = (a ?? []).map((detection, i) => [detection, b?.[i] ?? detection] as const);
  const furthest = (differences: number[]) => Math.max(0, ...differences.map(Math.abs));
  return {
    detections: pairs.length,
    score: furthest(pairs.map(([x, y]) => x.score - y.score)),
    boxPx: furthest(
      pairs.flatMap(([x, y]) => x.box_px.map((value, i) => value - (y.box_px[i] ?? Number.NaN))),
    ),
  };
}

let here: Awaited<ReturnType<typeof inspect>>;

test("the daemon judges ten boards on this machine", async () => {
  here = await inspect(process.execPath, "fp32");
  expect(here.results.flatMap(({ detections }) => detections).length).toBeGreaterThan(FRAMES);
});

test.each([
  ["pi4", "Raspberry Pi 4 Model B Rev 1.4"],
  ["pi5", "Raspberry Pi 5 Model B Rev 1.0"],
])("an emulated %s finds the same defects", async (name, model) => {
  const there = await inspect(board(name), "fp32");
  expect(there.info).toMatchObject({ device: { arch: "arm64", model } });
  expect(there.results.map(({ verdict }) => verdict)).toEqual(here.results.map(({ verdict }) => verdict));
  const furthest = compare(there.results, here.results);
  console.log(`${name} against this machine: ${JSON.stringify(furthest)}`);
  expect(furthest.score).toBeLessThanOrEqual(SCORE_TOLERANCE);
  expect(furthest.boxPx).toBeLessThanOrEqual(BOX_TOLERANCE_PX);
});

test("an emulated pi5 finds them with its own integer kernels, too", async () => {
  const there = await inspect(board("pi5"), "int8-linux-arm64", INT8_FRAMES);
  const found = (results: readonly Result[]) =>
    results.map(({ detections }) =>
      detections
        .filter((d) => d.score >= SURE)
        .map((d) => d.label)
        .sort(),
    );
  expect(found(there.results).flat().length).toBeGreaterThan(INT8_FRAMES);
  // Near the limit a score may lie on either side of it.
  const judged = here.results.slice(0, INT8_FRAMES);
  const sure = judged.map(({ detections }) => detections.every((d) => Math.abs(d.score - SURE) > MARGIN));
  const clear = (labels: string[][]) => labels.filter((_, i) => sure[i]);
  expect(clear(found(there.results))).toEqual(clear(found(judged)));
});
