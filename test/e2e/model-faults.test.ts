import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { ErrorRecord } from "../../runtime/base/errors.ts";
import { CRASHES_MAX } from "../../runtime/loader/crash-book.ts";
import { readFlightRecord } from "../../runtime/session/flight-record.ts";
import { runSync } from "../support/child-processes.ts";
import { config, PCB_AOI, SAMPLES, SightlineProcess, writeConfig } from "../support/daemon-process.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { untilStopped } from "../support/processes.ts";
import { backbone, head, writeBundle } from "../support/small-bundles.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { signalThread } from "../support/thread-signal.ts";

const R = "sightline/bench";
const ALARM = `${R}/alarm/model/pcb`;

interface Verdict {
  ts_ms: number;
  error: ErrorRecord | null;
}

/** A daemon whose pipeline `top` looks with the model under attack, `other` with another one. */
async function setUp(fps = 10) {
  const broker = await Mosquitto.start();
  const folder = await tempFolder();
  const pcb = join(folder, "pcb");
  cpSync(PCB_AOI, pcb, { recursive: true });
  const small = await writeBundle(join(folder, "small"), "1.0.0", [backbone(1), head(2)]);
  const file = await writeConfig(
    folder,
    config(broker.port, folder, {
      engine: { slots: 1 },
      models: { pcb: { bundle: pcb }, small: { bundle: small } },
      cameras: {
        fast: { source: "replay", path: SAMPLES, fps },
        slow: { source: "replay", path: SAMPLES, fps: 2 },
      },
      pipelines: { top: { camera: "fast", model: "pcb" }, other: { camera: "slow", model: "small" } },
    }),
  );
  const subscriber = await Subscriber.connect(broker.port);
  const verdicts = (pipeline: string): Verdict[] =>
    subscriber.on(`${R}/pipeline/${pipeline}/result`).map(({ text }) => JSON.parse(text));
  let startedAtMs = 0;
  /**
   * The next verdict of a pipeline from now on that `isWanted`. A daemon begins by sending what one before it had stored
   * and not sent, before it has opened a model: that says nothing about it.
   */
  const next = async (pipeline: string, isWanted: (error: string | null) => boolean) => {
    const from = verdicts(pipeline).length;
    const found = () =>
      verdicts(pipeline)
        .slice(from)
        .find(({ error, ts_ms }) => ts_ms >= startedAtMs && isWanted(error?.code ?? null));
    await subscriber.until(() => found() !== undefined);
    return found();
  };
  const ask = async (verb: string, model: string) => {
    const topic = `${R}/response/model/${verb}`;
    const before = subscriber.on(topic).length;
    await subscriber.publish(`${R}/request/model/${verb}`, JSON.stringify({ args: { model } }));
    await subscriber.until(() => subscriber.on(topic).length > before);
    return JSON.parse(subscriber.on(topic).at(-1)?.text ?? "null");
  };
  const start = (env: NodeJS.ProcessEnv = {}) => {
    startedAtMs = Date.now();
    return new SightlineProcess(["run", "--config", file], env);
  };
  const record = join(folder, "data", "models", "flight-record");
  return { ask, folder, next, pcb, record, start, subscriber };
}

/** As a fault would end it in the middle of a run of `model`: whether it is in one is seen while it stands still. */
async function faultInRunOf(model: string, daemon: SightlineProcess, record: string): Promise<void> {
  const isInRun = () =>
    readFlightRecord(record).some(
      ({ label, signal, state }) => state === "running" && signal === 0 && label.startsWith(model),
    );
  for (;;) {
    while (!isInRun()) await sleep(1);
    daemon.signal("SIGSTOP");
    await untilStopped(daemon.pid);
    if (isInRun()) break;
    daemon.signal("SIGCONT");
  }
  signalThread(daemon.pid, "sightline-0", "SIGSEGV");
  daemon.signal("SIGCONT");
}

const isGood = (error: string | null) => error === null;
const isBad = (error: string | null) => error !== null;

test("a model that faults three times is quarantined and named in an alarm, others run, an operator lifts it", async () => {
  const { ask, next, record, start, subscriber } = await setUp(30);
  const last = (topic: string) => subscriber.on(topic).at(-1)?.text ?? "";
  for (let crashes = 0; crashes < CRASHES_MAX; crashes++) {
    const daemon = start();
    await faultInRunOf("pcb", daemon, record);
    expect(await daemon.ended).toMatchObject({ signal: "SIGSEGV" });
    expect(last(ALARM)).toBe("");
  }
  start();
  await subscriber.until(() => last(ALARM) !== "");
  expect(JSON.parse(last(ALARM))).toMatchObject({
    active: true,
    severity: 3,
    error: { code: "ERR_MODEL_QUARANTINED" },
  });
  expect((await next("top", () => true))?.error?.code).toBe("ERR_MODEL_QUARANTINED");
  await next("other", isGood);
  expect(await ask("load", "pcb")).toMatchObject({ status: "ok", data: { state: "warm" } });
  await next("top", isGood);
  await subscriber.until(() => last(ALARM) === "");
  const models = () => JSON.parse(last(`${R}/info`)).models as { name: string; state: string }[];
  await subscriber.until(() => models().every(({ state }) => state === "warm"));
});

const FAILING_DISK = fileURLToPath(new URL("../support/failing-disk.c", import.meta.url));

test("a disk that returns EIO, and a bundle that was altered: typed errors, other models run, no restart", async () => {
  const { ask, folder, next, pcb, start } = await setUp();
  const library = join(folder, "failing-disk.so");
  runSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, FAILING_DISK, "-ldl"]);
  const on = join(folder, "failing");
  const daemon = start({ LD_PRELOAD: library, EIO_FOLDER: pcb, EIO_SWITCH: on });
  await next("top", isGood);
  writeFileSync(on, "");
  await ask("unload", "pcb");
  const failed = await next("top", isBad);
  expect(failed?.error).toMatchObject({ code: expect.stringMatching(/^ERR_MODEL_/) });
  expect(failed?.error?.message).toContain("EIO");
  await next("other", isGood);
  rmSync(on);
  await next("top", isGood);

  const graph = join(pcb, "pcb-aoi.onnx");
  const blobs = readdirSync(join(pcb, "blobs"), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const files = [graph, ...blobs.map(({ name, parentPath }) => join(parentPath, name))];
  for (const file of files) writeFileSync(file, "altered", { flag: "r+" });
  await ask("unload", "pcb");
  expect((await next("top", isBad))?.error?.code).toBe("ERR_MODEL_DIGEST");
  await next("other", isGood);
  cpSync(PCB_AOI, pcb, { recursive: true });
  await next("top", isGood);
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toMatchObject({ code: 0 });
});
