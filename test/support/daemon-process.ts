import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const CLI = here("../../cli/sightline.mjs");
export const PCB_AOI = here("../../models/zoo/pcb-aoi");
export const SAMPLES = join(PCB_AOI, "samples/images");

/** A configuration of one camera that replays the sample boards once through pipeline `top`. */
export function config(
  port: number,
  folder: string,
  sections: Record<string, object | string> = {},
): Record<string, object | string | number> {
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

/** A TypeScript file in a process of its own; killed with the test when it still runs. */
export class ScriptProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #text = { stdout: "", stderr: "" };
  #changed = (): void => {};

  constructor(
    script: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    node: string = process.execPath,
  ) {
    this.#child = spawn(node, [script, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.ended = this.#collect();
    onTestFinished(() => {
      this.#child.kill("SIGKILL");
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#text.stdout;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when what it printed matches, looking after each piece. The test's own time limit ends a vain wait. */
  async untilOut(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#text.stdout);
      if (match) return match;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async #collect(): Promise<Ended> {
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name]?.setEncoding("utf8").on("data", (chunk) => {
        this.#text[name] += chunk;
        this.#changed();
      });
    }
    const [code, signal] = await once(this.#child, "close");
    return { code, signal, ...this.#text };
  }
}

/** The `sightline` command. */
export class SightlineProcess extends ScriptProcess {
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    super(CLI, args, env);
  }
}

/** Runs a command to its end. */
export const sightline = (...args: string[]): Promise<Ended> => new SightlineProcess(args).ended;
