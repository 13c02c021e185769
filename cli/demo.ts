import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, styleText } from "node:util";
import { boundCommand } from "../runtime/base/bound-command.ts";
import type { InspectionResult } from "../runtime/pipeline/result.ts";
import { EmbeddedBroker } from "./embedded-broker.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const COLORS = { pass: "green", fail: "red", review: "yellow", error: "magenta" } as const;
const STOP_LIMIT_MS = 20_000;

/** What the demo has seen on the broker. */
interface Seen {
  verdicts: Record<InspectionResult["verdict"], number>;
  /** Milliseconds from capture to decision, one entry per frame. */
  decidedMs: number[];
  dropped: number;
}

const { values } = parseArgs({ options: { frames: { type: "string" } } });
const frames = values.frames === undefined ? Number.POSITIVE_INFINITY : Number(values.frames);
if (frames >= 1) {
  process.exitCode = await demo(frames);
} else {
  console.error("--frames must be a number of at least 1");
  process.exitCode = 2;
}

/** Starts a broker and a daemon process, and prints a line for each verdict that arrives. Returns the exit code. */
async function demo(framesMax: number): Promise<number> {
  const broker = await EmbeddedBroker.listen(1883);
  const store = await mkdtemp(join(tmpdir(), "sightline-demo-"));
  const daemon = startDaemon(broker.port, store);
  const ended = once(daemon, "exit");
  printGreeting(broker.port);
  const seen: Seen = { verdicts: { pass: 0, fail: 0, review: 0, error: 0 }, decidedMs: [], dropped: 0 };
  const enough = new Promise<void>((resolve) => {
    broker.onMessage((topic, payload) => {
      if (!topic.endsWith("/result") || seen.decidedMs.length >= framesMax) return;
      take(JSON.parse(payload.toString()) as InspectionResult, seen);
      if (seen.decidedMs.length === framesMax) resolve();
    });
    process.once("SIGINT", resolve).once("SIGTERM", resolve);
  });
  await Promise.race([enough, ended]);
  const exitCode = await stopDaemon(daemon, ended);
  await broker.close();
  await rm(store, { recursive: true, force: true });
  printSummary(seen);
  return seen.decidedMs.length >= Math.min(framesMax, 1) ? exitCode : 1;
}

function startDaemon(port: number, store: string): ChildProcess {
  const args = [here("./sightline.mjs"), "run", "--config", here("../config/demo.yaml")];
  return spawn(...boundCommand(process.execPath, args), {
    // The daemon's log would drown the verdicts, so only its standard error is shown.
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, SIGHTLINE_DEMO_BROKER: `mqtt://127.0.0.1:${port}`, SIGHTLINE_DEMO_STORE: store },
  });
}

async function stopDaemon(daemon: ChildProcess, ended: Promise<unknown[]>): Promise<number> {
  daemon.kill("SIGTERM");
  const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_LIMIT_MS);
  const [code] = await ended;
  clearTimeout(timer);
  return typeof code === "number" ? code : 1;
}

function printGreeting(port: number): void {
  console.log(`broker   127.0.0.1:${port}${port === 1883 ? "" : " (1883 is taken)"}`);
  console.log(`watch    mosquitto_sub -h 127.0.0.1 -p ${port} -t 'sightline/demo/#' -v\n`);
}

function take(result: InspectionResult, seen: Seen): void {
  if (seen.decidedMs.length === 0) console.log(`first verdict after ${Math.round(performance.now())} ms\n`);
  seen.verdicts[result.verdict]++;
  seen.decidedMs.push(result.timing_ms.total);
  seen.dropped += result.frame.drops_before;
  const name = (result.frame.origin ?? "").replace(/^.*\//, "");
  const defects = result.detections.map((d) => `${d.label} ${d.score.toFixed(2)}`).join(", ");
  const verdict = styleText(COLORS[result.verdict], result.verdict.padEnd(6));
  const ms = `${result.timing_ms.total.toFixed(1)} ms`.padStart(9);
  console.log(`${verdict} ${name.padEnd(21)} ${ms}  ${defects || result.error?.message || "no defects"}`);
}

function printSummary({ decidedMs, dropped, verdicts }: Seen): void {
  const sorted = decidedMs.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]?.toFixed(1) ?? "–";
  const counts = Object.entries(verdicts)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(", ");
  const latency = `latency p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
  console.log(`\n${decidedMs.length} frames: ${counts}; ${latency}; ${dropped} dropped`);
}
