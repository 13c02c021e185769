import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { boundCommand } from "../../runtime/base/bound-command.ts";
import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import type { ModelStatus } from "../../runtime/loader/model-status.ts";
import { request } from "../../services/health/control-socket.ts";
import { Outbox } from "../../services/outbox/outbox.ts";
import { backbone, head, randomFrom, writeBundle } from "../../test/support/small-bundles.ts";
import { cost, type Result } from "../bench.ts";
import { SAMPLES } from "../watched-process.ts";
import { flag } from "./big.ts";
import { runChild } from "./children.ts";

interface Upsets {
  loadsCancelled: number;
  runsCancelled: number;
  keptBytes: number;
  wrong: number;
  lost: number;
  opened: number;
  untyped: number;
  moreFds: number;
  moreThreads: number;
  loopP99Ms: number;
}

const CLI = fileURLToPath(new URL("../../cli/sightline.mjs", import.meta.url));
const LOOP_MS = 10;
const SEED = 6;
/** A daemon starts within; kills fall from its first moments to well into its work. */
const LIFE_MS = 1_500;

/** Loads, runs and whole daemons that are ended at any moment. */
export async function upsets(times: number, kills: number): Promise<Result[]> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
  try {
    const made = await runChild<Upsets>("upsets-child.ts", [folder, `${times}`]);
    const isClean =
      made.opened > times &&
      made.wrong + made.lost + made.untyped + made.keptBytes === 0 &&
      made.moreFds <= 0 &&
      made.moreThreads <= 0;
    const met = `${made.loadsCancelled} loads and ${made.runsCancelled} runs before their end`;
    const counts = `given up at any moment ${times} times (${met}), taken away ${2 * times} times`;
    return [
      flag(`${counts}: nothing kept, wrong, lost or untyped`, isClean),
      cost("models given up and taken away: p99 of the event loop's delay", "ms", made.loopP99Ms, LOOP_MS),
      ...(await killed(folder, kills)),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Three models in the memory of one and a half, so that the daemon opens and evicts all the time. */
async function configure(folder: string): Promise<{ file: string; store: string }> {
  const store = join(folder, "data");
  const names = ["a", "b", "c"];
  for (const [i, name] of names.entries()) {
    await writeBundle(join(folder, name), "1.0.0", [backbone(10 * i), head(10 * i + 5)]);
  }
  const config = {
    version: 1,
    device: { id: "bench" },
    mqtt: { url: "mqtt://127.0.0.1:1" },
    engine: { model_budget: "6MB" },
    models: Object.fromEntries(names.map((name) => [name, { bundle: join(folder, name), stream: "never" }])),
    cameras: { boards: { source: "replay", path: SAMPLES, fps: 20 } },
    pipelines: Object.fromEntries(names.map((name) => [name, { camera: "boards", model: name }])),
    store: { path: store },
    log: { level: "error" },
  };
  const file = join(folder, "kills.yaml");
  await writeFile(file, stringify(config));
  return { file, store };
}

async function killed(folder: string, kills: number): Promise<Result[]> {
  const { file, store } = await configure(folder);
  const random = randomFrom(SEED);
  for (let i = 0; i < kills; i++) {
    const child = spawn(...boundCommand(process.execPath, [CLI, "run", "--config", file]), {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const ended = once(child, "exit");
    const lifeMs = sleep(random() * LIFE_MS);
    void teased(store, lifeMs);
    await lifeMs;
    child.kill("SIGKILL");
    await ended;
  }
  const models = await after(file, store);
  const { errors, gaps, rows } = await readResults(store);
  const isWhole =
    errors === 0 && gaps === 0 && rows > 0 && models.every(({ last_error }) => last_error === null);
  return [
    flag(
      `kill -9 of the daemon ${kills} times: ${rows} results without a gap or an error, all models open`,
      isWhole,
    ),
  ];
}

/** Asks for models to be taken away and brought back until the daemon's time is over. */
async function teased(store: string, over: Promise<void>): Promise<void> {
  let isOver = false;
  void over.then(() => {
    isOver = true;
  });
  for (let i = 0; !isOver; i++) {
    const verb = i % 2 === 0 ? "unload" : "load";
    // No daemon listens before it has started and after it was killed.
    await request(store, `model/${verb}`, { model: "abc"[i % 3] }).catch(() => sleep(20));
  }
}

/** What the models of a daemon are like that starts where the last was killed and judges for a while. */
async function after(file: string, store: string): Promise<ModelStatus[]> {
  const child = spawn(...boundCommand(process.execPath, [CLI, "run", "--config", file]), {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    await answered(store, ended);
    await sleep(2 * LIFE_MS);
    const { models } = (await request(store, "models")) as { models: ModelStatus[] };
    return models;
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

/** Once the daemon answers, however long its start takes. */
async function answered(store: string, ended: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    const isThere = await request(store, "models").then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await sleep(50);
  }
}

async function readResults(store: string): Promise<{ rows: number; errors: number; gaps: number }> {
  const outbox = new Outbox(
    { logger: silentLogger, clock: systemClock },
    { path: store, maxBytes: 2 ** 30, commitDelayMs: 5, commitRows: 20 },
  );
  await outbox.start();
  const last = new Map<string, number>();
  const found = { rows: 0, errors: 0, gaps: 0 };
  for (let position = 0; ; ) {
    const rows = await outbox.read("mqtt", 200, position);
    for (const { pipeline, seq, verdict } of rows) {
      if (seq !== (last.get(pipeline) ?? 0) + 1) found.gaps++;
      last.set(pipeline, seq);
      if (verdict === "error") found.errors++;
    }
    found.rows += rows.length;
    position = rows.at(-1)?.position ?? position;
    if (rows.length === 0) break;
  }
  await outbox.stop();
  return found;
}
