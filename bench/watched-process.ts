import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import type { EmbeddedBroker } from "../cli/embedded-broker.ts";
import { boundCommand } from "../runtime/base/bound-command.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const SAMPLES = here("../models/zoo/pcb-aoi/samples/images");
export const PCB_AOI = here("../models/zoo/pcb-aoi");

/** Runs a TypeScript file until `work` is done with it, then ends it and waits. */
export async function withProcess<T>(
  script: string,
  args: string[],
  work: (pid: number) => Promise<T>,
): Promise<T> {
  const child: ChildProcess = spawn(...boundCommand(process.execPath, [here(script), ...args]), {
    stdio: ["ignore", "ignore", "inherit"],
    // Sightline sees to this itself; the plain loop's ONNX Runtime would report its use over the network.
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  });
  const ended = once(child, "exit");
  const failed = ended.then(([code]) => {
    throw new Error(`${script} ended with ${code}`);
  });
  try {
    return await Promise.race([work(child.pid ?? 0), failed]);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

export interface BenchCameras {
  cameras: number;
  fps: number | "max";
  /** Of each frame, from its capture. */
  deadline?: string;
}

/** A daemon with cameras that replay the sample boards, its store in a folder that goes with it. */
export async function withDaemon<T>(
  broker: EmbeddedBroker,
  { cameras, deadline, fps }: BenchCameras,
  work: (pid: number) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
  const file = join(folder, "bench.yaml");
  const names = Array.from({ length: cameras }, (_, i) => `boards${i}`);
  const config = {
    version: 1,
    device: { id: "bench" },
    mqtt: { url: `mqtt://127.0.0.1:${broker.port}` },
    models: { pcb: { bundle: PCB_AOI } },
    cameras: Object.fromEntries(names.map((name) => [name, { source: "replay", path: SAMPLES, fps }])),
    pipelines: Object.fromEntries(
      names.map((name) => [name, { camera: name, model: "pcb", ...(deadline && { deadline }) }]),
    ),
    store: { path: join(folder, "data") },
    health: { interval: "1s" },
    log: { level: "warn" },
  };
  await writeFile(file, stringify(config));
  try {
    return await withProcess("../cli/sightline.mjs", ["run", "--config", file], work);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
