import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import type { Health } from "../../services/health/health-reporter.ts";
import { badPictures } from "../support/bad-pictures.ts";
import {
  config,
  PCB_AOI,
  SAMPLES,
  SightlineProcess,
  sightline,
  writeConfig,
} from "../support/daemon-process.ts";
import { Gate } from "../support/gate.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { range } from "../support/results.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

const R = "sightline/bench";
const RESULT = `${R}/pipeline/top/result`;
const results = (subscriber: Subscriber) =>
  subscriber.on(RESULT).map(({ text }) => JSON.parse(text) as InspectionResult & { seq: number });

async function setUp() {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  return { broker, subscriber, folder: await tempFolder() };
}

const run = (file: string) => new SightlineProcess(["run", "--config", file]);

describe("the daemon", () => {
  test("judges each frame of a camera and says so on the topics of its device", async () => {
    const { broker, folder, subscriber } = await setUp();
    const daemon = run(await writeConfig(folder, config(broker.port, folder)));
    expect(await daemon.ended).toMatchObject({ code: 0, stderr: "" });
    const names = (await readdir(SAMPLES)).sort();
    const found = results(subscriber);
    expect(found.map((r) => r.seq)).toEqual(range(1, names.length));
    expect(found.map((r) => r.frame.origin)).toEqual(names.map((name) => join(SAMPLES, name)));
    expect(found[0]).toMatchObject({
      schema: "inspection.result/1",
      device: "bench",
      pipeline: "top",
      camera: "cam0",
      frame: { id: 1, w: 640, h: 640, drops_before: 0 },
      verdict: "fail",
      evaluation: 2,
      models: [{ name: "pcb-aoi" }],
    });
    expect(found[0]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const last = (topic: string) => subscriber.on(`${R}/${topic}`).at(-1);
    const counters = JSON.parse(last("pipeline/top/counters")?.text ?? "{}");
    expect(counters).toMatchObject({
      total: names.length,
      fail: found.filter((r) => r.verdict === "fail").length,
      error: 0,
    });
    expect(JSON.parse(last("info")?.text ?? "{}")).toMatchObject({
      device: { id: "bench" },
      models: [{ name: "pcb" }],
    });
    expect(JSON.parse(last("health")?.text ?? "{}")).toMatchObject({ outbox: { dropped: 0, error: null } });
    expect(subscriber.on(`${R}/camera/cam0/status`).map((m) => m.text)).toEqual(["online", "offline"]);
    expect(subscriber.on(`${R}/state`).map((m) => m.text)).toEqual(["online", "stopped"]);
    expect(subscriber.on(`${R}/pipeline/top/verdict`)).toHaveLength(names.length);
  });

  test("a broker killed in the middle and started again: every verdict arrives, in order", async () => {
    const { broker, folder, subscriber } = await setUp();
    const gate = await Gate.before(broker.port);
    const files = (await readdir(SAMPLES)).sort().map((name) => join(SAMPLES, name));
    const cam0 = {
      source: "replay",
      files: [...files, ...files, ...files, ...files],
      fps: 60,
      repeat: "once",
      mode: "triggered",
      buffer: 200,
    };
    const daemon = run(await writeConfig(folder, config(gate.port, folder, { cameras: { cam0 } })));
    await subscriber.until(() => results(subscriber).length >= 20);
    await gate.shut();
    await broker.kill();
    await broker.start();
    await subscriber.connect(broker.port);
    await gate.open();
    await subscriber.until(() => subscriber.firstSeqs(RESULT).length === 4 * files.length);
    expect(subscriber.firstSeqs(RESULT)).toEqual(range(1, 4 * files.length));
    expect((await daemon.ended).code).toBe(0);
  });

  test("without a broker verdicts wait; the next start delivers them and counts on", async () => {
    const folder = await tempFolder();
    const port = await freePort();
    const file = await writeConfig(folder, config(port, folder));
    expect((await run(file).ended).code).toBe(0);
    const broker = await Mosquitto.start(undefined, port);
    const subscriber = await Subscriber.connect(broker.port);
    expect((await run(file).ended).code).toBe(0);
    const count = (await readdir(SAMPLES)).length;
    expect(subscriber.firstSeqs(RESULT)).toEqual(range(1, 2 * count));
  });

  test("SIGTERM finishes the frames in flight, publishes what was decided and says goodbye", async () => {
    const { broker, folder, subscriber } = await setUp();
    const cam0 = { source: "replay", path: SAMPLES, fps: 100, repeat: "loop" };
    const file = await writeConfig(folder, config(broker.port, folder, { cameras: { cam0 } }));
    const daemon = run(file);
    await subscriber.until(() => results(subscriber).length >= 5);
    daemon.signal("SIGTERM");
    expect(await daemon.ended).toMatchObject({ code: 0, signal: null });
    const seqs = results(subscriber).map((r) => r.seq);
    expect(seqs).toEqual(range(1, seqs.length));
    expect(subscriber.on(`${R}/state`).at(-1)?.text).toBe("stopped");
    const before = seqs.length;
    const again = run(file);
    await subscriber.until(() => results(subscriber).length > before);
    expect(results(subscriber)[before]?.seq).toBe(before + 1);
    again.signal("SIGTERM");
    expect((await again.ended).code).toBe(0);
  });

  test("a camera faster than the model drops the oldest frames and counts each", async () => {
    const { broker, folder, subscriber } = await setUp();
    const files = Array.from({ length: 200 }, () => join(SAMPLES, "00041207.jpg"));
    const cam0 = { source: "replay", files, fps: 1000, repeat: "once", buffer: 2 };
    const daemon = run(await writeConfig(folder, config(broker.port, folder, { cameras: { cam0 } })));
    expect((await daemon.ended).code).toBe(0);
    const found = results(subscriber);
    const dropped = found.reduce((sum, r) => sum + r.frame.drops_before, 0);
    expect(dropped).toBeGreaterThan(0);
    expect(found.length + dropped).toBe(200);
    expect(found.at(-1)?.frame.id).toBe(200);
  });

  test("pictures that are none get the verdict error with a code and a hint, and the others theirs", async () => {
    const { broker, folder, subscriber } = await setUp();
    const pictures = await badPictures(await tempFolder());
    const files = pictures.map(({ file }) => file);
    const cam0 = { source: "replay", files, fps: "max", repeat: "once" };
    const daemon = run(await writeConfig(folder, config(broker.port, folder, { cameras: { cam0 } })));
    expect((await daemon.ended).code).toBe(0);
    const found = results(subscriber).map((r) => [r.verdict, r.error?.code ?? null]);
    expect(found).toEqual(pictures.map(({ code }) => (code ? ["error", code] : ["fail", null])));
    for (const result of results(subscriber)) {
      if (result.error) expect(result.error.hint.length).toBeGreaterThan(20);
    }
  });

  test("a run beyond its limit is cancelled, and its frame answered with error", async () => {
    const { broker, folder, subscriber } = await setUp();
    const file = await writeConfig(folder, config(broker.port, folder, { engine: { run_limit: "1ms" } }));
    expect((await run(file).ended).code).toBe(0);
    const found = results(subscriber);
    expect(found.length).toBe((await readdir(SAMPLES)).length);
    // On a busy machine the main thread may hear of the end of a run before it hears of its limit.
    const codes = found.flatMap((r) => r.error?.code ?? []);
    expect(new Set(codes)).toEqual(new Set(["ERR_SESSION_TIMEOUT"]));
  });

  test("answers `sightline health` while it runs", async () => {
    const { broker, folder, subscriber } = await setUp();
    const cam0 = { source: "replay", path: SAMPLES, fps: 10 };
    const file = await writeConfig(folder, config(broker.port, folder, { cameras: { cam0 } }));
    const before = await sightline("health", "--config", file);
    expect(before).toMatchObject({ code: 1, stderr: expect.stringContaining("ERR_DAEMON_UNREACHABLE") });
    const daemon = run(file);
    await subscriber.until(() => results(subscriber).length >= 3);
    const during = await sightline("health", "--config", file, "--wait", "10s");
    expect(during.code).toBe(0);
    const health = JSON.parse(during.stdout) as Health;
    expect(health.mqtt.connected).toBe(true);
    expect(health.cameras.cam0?.frames).toBeGreaterThanOrEqual(3);
    expect(health.event_loop.p99_ms).toBeGreaterThanOrEqual(0);
    daemon.signal("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
  });

  test("two daemons on one store: the second is refused and the first goes on", async () => {
    const { broker, folder, subscriber } = await setUp();
    const cam0 = { source: "replay", path: SAMPLES, fps: 10 };
    const file = await writeConfig(folder, config(broker.port, folder, { cameras: { cam0 } }));
    const first = run(file);
    await subscriber.until(() => results(subscriber).length >= 1);
    expect(await run(file).ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("ERR_STORE_OPEN"),
    });
    const seen = results(subscriber).length;
    await subscriber.until(() => results(subscriber).length > seen);
    first.signal("SIGTERM");
    expect((await first.ended).code).toBe(0);
  });
});

describe("a model that is not right keeps the daemon from starting, and says why", () => {
  test.each<[string, string, (bundle: string) => Promise<void>]>([
    [
      "a flipped bit",
      "ERR_MODEL_DIGEST",
      async (bundle) => {
        const bytes = await readFile(join(bundle, "pcb-aoi.onnx"));
        bytes[1000] = (bytes[1000] ?? 0) ^ 1;
        await writeFile(join(bundle, "pcb-aoi.onnx"), bytes);
      },
    ],
    ["a missing file", "ERR_MODEL_MISSING", (bundle) => rm(join(bundle, "pcb-aoi.onnx"))],
    ["a missing manifest", "ERR_MODEL_MISSING", (bundle) => rm(join(bundle, "manifest.json"))],
    [
      "no such label file",
      "ERR_MODEL_MISSING",
      (bundle) => edit(bundle, (m) => ({ ...m, labels: "labels.txt" })),
    ],
    [
      "an output that the model lacks",
      "ERR_MODEL_IO",
      (bundle) =>
        edit(bundle, (m) => ({ ...m, decoder: { type: "yolov8", output: "output0", nms_iou: 0.5 } })),
    ],
    [
      "an input of another size",
      "ERR_MODEL_IO",
      (bundle) => edit(bundle, (m) => ({ ...m, input: { ...(m.input as object), width: 320 } })),
    ],
    [
      "a label too few",
      "ERR_MODEL_IO",
      (bundle) => edit(bundle, (m) => ({ ...m, labels: ["open", "short"] })),
    ],
    ["an unknown key", "ERR_MODEL_MANIFEST", (bundle) => edit(bundle, (m) => ({ ...m, lables: [] }))],
  ])("%s: %s", async (_, code, damage) => {
    const folder = await tempFolder();
    const bundle = join(folder, "bundle");
    await mkdir(bundle);
    for (const name of ["manifest.json", "pcb-aoi.onnx"])
      await copyFile(join(PCB_AOI, name), join(bundle, name));
    await damage(bundle);
    const models = { pcb: { bundle, variant: "fp32" } };
    const file = await writeConfig(folder, config(1, folder, { models }));
    const ended = await run(file).ended;
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(new RegExp(`^${code}: .+\n.+`)) });
  });
});

async function edit(bundle: string, change: (manifest: Record<string, unknown>) => object): Promise<void> {
  const file = join(bundle, "manifest.json");
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, "utf8")))));
}
