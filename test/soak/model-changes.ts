/**
 * `node test/soak/model-changes.ts [--changes 200] [--rounds 3]`: three cameras at 60 frames a second on one model, and
 * rounds of undisturbed time and of unloads and activations, one after the other. It prints what each did to the time from
 * capture to verdict, and whether SIGTERM ended the daemon. Exit code 1 when verdicts stopped, the p99 of the disturbed
 * rounds is more than twice that of the undisturbed ones, or the daemon did not end.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { EmbeddedBroker } from "../../cli/embedded-broker.ts";
import { boundCommand } from "../../runtime/base/bound-command.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { request } from "../../services/health/control-socket.ts";

const CLI = join(import.meta.dirname, "../../cli/sightline.mjs");
const BUNDLE = join(import.meta.dirname, "../../models/zoo/pcb-aoi");
const STOP_LIMIT_MS = 20_000;
const { values } = parseArgs({
  options: { changes: { type: "string", default: "200" }, rounds: { type: "string", default: "3" } },
});
const rounds = Number(values.rounds);
const changesEach = Math.ceil(Number(values.changes) / rounds);

const folder = await mkdtemp(join(tmpdir(), "sightline-changes-"));
const broker = await EmbeddedBroker.listen(0);
let totalsMs: number[] = [];
broker.onMessage((topic, payload) => {
  if (!topic.endsWith("/result")) return;
  const { error, timing_ms } = JSON.parse(payload.toString()) as InspectionResult;
  if (!error) totalsMs.push(timing_ms.total);
});
const daemon = await startDaemon();
await until(() => totalsMs.length > 100);

const p99s: Record<"undisturbed" | "disturbed", number[]> = { undisturbed: [], disturbed: [] };
let standstills = 0;
for (let round = 0; round < rounds; round++) {
  const begunMs = performance.now();
  const disturbed = await watched(() => change(changesEach));
  const lastsMs = performance.now() - begunMs;
  const undisturbed = await watched(() => new Promise((resolve) => setTimeout(resolve, lastsMs)));
  for (const [name, each] of Object.entries({ undisturbed, disturbed }) as [keyof typeof p99s, number[]][]) {
    if (each.length === 0) standstills++;
    p99s[name].push(p99(each));
    console.log(
      JSON.stringify({ round, name, verdicts: each.length, p50_ms: at(each, 0.5), p99_ms: p99(each) }),
    );
  }
}
daemon.kill("SIGTERM");
const ended = await Promise.race([
  once(daemon, "exit").then(([code]) => code === 0),
  new Promise<boolean>((resolve) => setTimeout(resolve, STOP_LIMIT_MS, false).unref()),
]);
if (!ended) daemon.kill("SIGKILL");
const ratio = at(p99s.disturbed, 0.5) / at(p99s.undisturbed, 0.5);
console.log(JSON.stringify({ changes: changesEach * rounds, p99_ratio: ratio, standstills, ended }));
await broker.close();
await rm(folder, { recursive: true });
process.exit(standstills === 0 && ratio <= 2 && ended ? 0 : 1);

async function startDaemon() {
  const cameras = ["a", "b", "c"].map((id) => {
    const camera = { source: "gst", preset: "test", width: 640, height: 640, fps: 60, fault_frames: 10_000 };
    return [id, camera] as const;
  });
  const config = {
    version: 1,
    device: { id: "soak" },
    mqtt: { url: `mqtt://127.0.0.1:${broker.port}` },
    models: { pcb: { bundle: BUNDLE } },
    cameras: Object.fromEntries(cameras),
    pipelines: Object.fromEntries(cameras.map(([id]) => [id, { camera: id, model: "pcb" }])),
    store: { path: join(folder, "data") },
    log: { level: "warn" },
  };
  const file = join(folder, "config.yaml");
  await writeFile(file, stringify(config));
  const command = boundCommand(process.execPath, [CLI, "run", "--config", file]);
  return spawn(...command, { stdio: ["ignore", "inherit", "inherit"] });
}

/** Unloads and activations in turn, each when the one before has been answered. */
async function change(count: number): Promise<void> {
  const store = join(folder, "data");
  for (let i = 0; i < count; i++) {
    await request(store, i % 2 === 0 ? "model/unload" : "model/activate", { model: "pcb" });
  }
}

async function watched(work: () => Promise<unknown>): Promise<number[]> {
  totalsMs = [];
  await work();
  return totalsMs;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
}

function at(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

function p99(numbers: readonly number[]): number {
  return at(numbers, 0.99);
}
