import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const CLI = here("../../cli/sightline.ts");
export const PCB_AOI = here("../../models/zoo/pcb-aoi");
export const SAMPLES = join(PCB_AOI, "samples/images");

/** A configuration of one camera that replays the sample boards once through pipeline `top`. */
export function config(
  port: number,
  folder: string,
  sections: Record<string, object> = {},
): Record<string, object | number> {
  return {
    version: 1,
    device: { id: "bench" },
    mqtt: { url: `mqtt://127.0.0.1:${port}` },
    models: { pcb: { bundle: PCB_AOI } },
    cameras: { cam0: { source: "replay", path: SAMPLES, fps: "max", repeat: "once" } },
    pipelines: { top: { camera: "cam0", model: "pcb" } },
    store: { path: join(folder, "data") },
    log: { level: "warn" },
    ...sections,
  };
}

export async function writeConfig(folder: string, content: object): Promise<string> {
  const file = join(folder, "config.yaml");
  await writeFile(file, stringify(content));
  return file;
}

export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** The `sightline` command in a process of its own; killed with the test when it still runs. */
export class SightlineProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.#child = spawn(process.execPath, [CLI, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.ended = collect(this.#child);
    onTestFinished(() => {
      this.#child.kill("SIGKILL");
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

async function collect(child: ChildProcess): Promise<Ended> {
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (chunk) => {
      text[name] += chunk;
    });
  }
  const [code, signal] = await once(child, "close");
  return { code, signal, ...text };
}

/** Runs a command to its end. */
export const sightline = (...args: string[]): Promise<Ended> => new SightlineProcess(args).ended;
