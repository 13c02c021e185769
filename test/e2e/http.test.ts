import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { BOARD } from "../support/bad-pictures.ts";
import { config, SAMPLES, SightlineProcess, sightline, writeConfig } from "../support/daemon-process.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

const R = "sightline/bench/pipeline";
type Stored = InspectionResult & { seq: number };

/** A daemon with camera `gate` for posted frames, in front of pipelines `top` and `side`. */
async function daemonWithGate(camera: object = {}, evidence?: object) {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const folder = await tempFolder();
  const port = await freePort();
  const sections = {
    cameras: { gate: { source: "http", ...camera } },
    pipelines: {
      top: { camera: "gate", model: "pcb" },
      side: { camera: "gate", model: "pcb", min_score: 0.99 },
    },
    http: { listen: `127.0.0.1:${port}` },
    log: { level: "info" },
    ...(evidence ? { evidence } : {}),
  };
  const file = await writeConfig(folder, config(broker.port, folder, sections));
  const daemon = new SightlineProcess(["run", "--config", file]);
  await daemon.untilOut(/HTTP server is listening/);
  const url = `http://127.0.0.1:${port}`;
  const post = async (body: Uint8Array, query = "", type = "image/jpeg") => {
    const init = { method: "POST", body: new Uint8Array(body), headers: { "content-type": type } };
    const answer = await fetch(`${url}/cameras/gate/frames${query}`, init);
    return { status: answer.status, ...((await answer.json()) as { results: Stored[] }) };
  };
  return { daemon, file, folder, post, subscriber, url };
}

test("a JPEG, a PNG and its raw pixels get the same verdict in the answer as on MQTT", async () => {
  const { daemon, post, subscriber, url } = await daemonWithGate();
  const { data, info } = await sharp(BOARD).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const format = info.channels === 3 ? "rgb24" : "gray8";
  const jpeg = await post(await readFile(BOARD), "?part_id=SN1&trigger_id=t1");
  const png = await post(await sharp(BOARD).png().toBuffer(), "?part_id=SN2", "image/png");
  const size = `format=${format}&width=${info.width}&height=${info.height}`;
  const raw = await post(data, `?${size}&part_id=SN3`, "application/octet-stream");
  for (const { results, status } of [jpeg, png, raw]) {
    expect(status).toBe(200);
    expect(results.map((r) => [r.pipeline, r.verdict])).toEqual([
      ["top", "fail"],
      ["side", expect.stringMatching(/pass|fail/)],
    ]);
    expect(results[0]?.detections).toHaveLength(jpeg.results[0]?.detections.length ?? 0);
  }
  const results = [jpeg, png, raw].map(({ results: [top] }) => top);
  expect(results.map((r) => [r?.part_id, r?.frame.trigger_id])).toEqual([
    ["SN1", "t1"],
    ["SN2", "2"],
    ["SN3", "3"],
  ]);
  await subscriber.until(() => subscriber.on(`${R}/top/verdict`).length === 3);
  expect(subscriber.on(`${R}/top/result`).map(({ text }) => JSON.parse(text))).toEqual(results);
  const verdicts = subscriber.on(`${R}/top/verdict`).map(({ text }) => JSON.parse(text));
  expect(verdicts).toEqual(
    results.map((r) =>
      expect.objectContaining({ id: r?.id, part_id: r?.part_id, trigger_id: r?.frame.trigger_id }),
    ),
  );
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ cameras: { gate: { frames: 3 } } });
  daemon.signal("SIGTERM");
  expect((await daemon.ended).code).toBe(0);
});

test("a torn picture is a part too: its verdict is error, with the code, and on MQTT", async () => {
  const { post, subscriber } = await daemonWithGate();
  const board = await readFile(BOARD);
  const { results, status } = await post(board.subarray(0, board.length >> 1), "?part_id=torn");
  expect(status).toBe(200);
  expect(results[0]).toMatchObject({
    part_id: "torn",
    verdict: "error",
    error: { code: "ERR_IMAGE_TRUNCATED", hint: expect.any(String) },
  });
  await subscriber.until(() => subscriber.on(`${R}/top/result`).length === 1);
});

test("a fail's pictures are linked from its result with their digests, and can be had", async () => {
  const { post, subscriber, url } = await daemonWithGate({}, { path: "evidence" });
  const { data, info } = await sharp(BOARD).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const format = info.channels === 3 ? "rgb24" : "gray8";
  const query = `?format=${format}&width=${info.width}&height=${info.height}`;
  const board = await readFile(BOARD);
  await expectEvidence(() => post(board), { subscriber, url });
  await expectEvidence(() => post(data, query, "application/octet-stream"), { subscriber, url });
  for (const path of ["..%2f..%2fconfig.yaml", "2026/01/01/00/nothing/fail-raw.jpg", "%00"]) {
    const answer = await fetch(`${url}/evidence/${path}`);
    expect([path, answer.status]).toEqual([path, 404]);
  }
});

async function expectEvidence(
  post: () => Promise<{ results: Stored[] }>,
  { subscriber, url }: { subscriber: Subscriber; url: string },
): Promise<void> {
  let result: Stored | undefined;
  // On a busy machine a picture may take too long to be known to its result; another will not.
  while (!result?.evidence.every(({ state }) => state === "written")) result = (await post()).results[0];
  const { evidence, id } = result;
  const published = () => subscriber.on(`${R}/top/result`).map(({ text }) => JSON.parse(text) as Stored);
  await subscriber.until(() => published().some((one) => one.id === id));
  expect(published().find((one) => one.id === id)?.evidence).toEqual(evidence);
  expect(evidence.map(({ kind }) => kind)).toEqual(["raw", "annotated"]);
  for (const { bytes, path, sha256 } of evidence) {
    const answer = await fetch(`${url}/evidence/${path}`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
    const file = Buffer.from(await answer.arrayBuffer());
    expect([file.length, createHash("sha256").update(file).digest("hex")]).toEqual([bytes, sha256]);
    expect(await sharp(file).metadata()).toMatchObject({ width: result.frame.w, height: result.frame.h });
  }
}

test("where evidence cannot be kept, verdicts go on and say so", async () => {
  const { post, url } = await daemonWithGate({}, { path: "/proc/evidence" });
  const { results, status } = await post(await readFile(BOARD));
  expect(status).toBe(200);
  expect(results[0]).toMatchObject({
    verdict: "fail",
    evidence: [],
    evidence_error: { code: "ERR_EVIDENCE_WRITE" },
  });
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
    evidence: { written: 0, error: { code: "ERR_EVIDENCE_WRITE" } },
  });
});

test("whoever watches sees the judged frame with its boxes", async () => {
  const { daemon, post, url } = await daemonWithGate();
  const stop = new AbortController();
  const live = await fetch(`${url}/cameras/gate/live`, { signal: stop.signal });
  const received: Buffer[] = [];
  const answer = await post(await readFile(BOARD));
  for await (const chunk of live.body ?? []) {
    received.push(Buffer.from(chunk));
    const all = Buffer.concat(received);
    const [, size = Number.POSITIVE_INFINITY] = /Content-Length: (\d+)/.exec(all.toString("latin1")) ?? [];
    const start = all.indexOf("\r\n\r\n") + 4;
    if (all.length < start + Number(size)) continue;
    const jpeg = await sharp(all.subarray(start, start + Number(size))).metadata();
    expect(jpeg).toMatchObject({ format: "jpeg", width: answer.results[0]?.frame.w });
    break;
  }
  daemon.signal("SIGTERM");
  expect((await daemon.ended).code).toBe(0);
  stop.abort();
});

test.each([{ mode: "triggered" }, { mode: "free_run" }])(
  "more frames than can be judged at a time ($mode): each is answered, none is forgotten",
  async (camera) => {
    const { daemon, post } = await daemonWithGate({ ...camera, buffer: 1 });
    const board = await readFile(join(SAMPLES, "12000038.jpg"));
    const answers = await Promise.all(Array.from({ length: 24 }, () => post(board).catch(() => undefined)));
    const judged = answers.flatMap((answer) => answer?.results ?? []);
    const codes = new Set([
      ...judged.flatMap((r) => r.error?.code ?? []),
      ...answers.flatMap((answer) => (answer as { error?: { code: string } } | undefined)?.error?.code ?? []),
    ]);
    expect(answers.filter((answer) => answer === undefined)).toEqual([]);
    expect(judged.some((r) => r.verdict === "fail")).toBe(true);
    expect([...codes].filter((code) => code !== "ERR_QUEUE_FULL")).toEqual([]);
    daemon.signal("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
  },
);

/** Samples of Prometheus' text format by name and labels; throws at a line that is none. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name = "", value] = /^(sightline_[a-z0-9_]+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
      if (name === "" || Number.isNaN(Number(value))) throw new Error(`no sample: ${line}`);
      return [name, Number(value)];
    }),
  );
}

test("metrics count what was judged, and the trace says which runs it took and why", async () => {
  const { daemon, file, post, url } = await daemonWithGate();
  const board = await readFile(BOARD);
  for (let i = 0; i < 3; i++) await post(board);
  await post(Buffer.from("no picture"));
  const answer = await fetch(`${url}/metrics`);
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const samples = samplesOf(await answer.text());
  const value = (name: string) => samples.get(`sightline_${name}`);
  expect(value('results_total{pipeline="top",verdict="fail"}')).toBe(3);
  expect(value('results_total{pipeline="top",verdict="error"}')).toBe(1);
  expect(value('frame_seconds_count{pipeline="top",stage="total"}')).toBe(4);
  expect(value('batches_total{model="pcb",reason="all"}')).toBe(6);
  expect(value('batch_size_sum{model="pcb"}')).toBe(6);
  expect(value('camera_frames{camera="gate",what="frames"}')).toBe(4);
  expect(value('model_state{model="pcb",state="warm"}')).toBe(1);
  expect(value("mqtt_connected")).toBe(1);
  expect(value("model_resident_bytes")).toBeGreaterThan(1e6);

  const text = (await sightline("trace", "--config", file)).stdout.trim().split("\n");
  expect(text).toHaveLength(6);
  for (const line of text) expect(line).toMatch(/ms {2}pcb#\d +1 all +queued [\d.]+ ms {2}ran [\d.]+ ms$/);
  const chrome = await sightline("trace", "--config", file, "--last", "2", "-f", "chrome");
  const { traceEvents } = JSON.parse(chrome.stdout);
  expect(traceEvents).toHaveLength(2);
  expect(traceEvents[0]).toMatchObject({ name: "pcb", ph: "X", args: { size: 1, reason: "all" } });
  expect(traceEvents[0].dur).toBeGreaterThan(0);
  expect((await sightline("trace", "--config", file, "--last", "0")).stderr).toContain("ERR_REQUEST");
  daemon.signal("SIGTERM");
  expect((await daemon.ended).code).toBe(0);
});
