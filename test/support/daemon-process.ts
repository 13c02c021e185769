import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { startChild } from "./child-processes.ts";

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

/** A TypeScript file in a process of its own, which ends with the test at the latest. */
export class ScriptProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ReturnType<typeof startScript>;
  readonly #text = { stdout: "", stderr: "" };
  #hasEnded = false;
  #changed = (): void => {};

  constructor(
    script: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    node: string = process.execPath,
  ) {
    this.#child = startScript(node, [script, ...args], { ...process.env, ...env });
    this.ended = this.#collect();
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

  /** Resolves when what it printed matches, looking after each piece; rejects when it has ended without that. */
  async untilOut(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const { stderr, stdout } = this.#text;
      const match = pattern.exec(stdout);
      if (match) return match;
      if (this.#hasEnded) throw new Error(`ended without ${pattern}:\n${stdout}${stderr}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async #collect(): Promise<Ended> {
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name].setEncoding("utf8").on("data", (chunk) => {
        this.#text[name] += chunk;
        this.#changed();
      });
    }
    const [code, signal] = await once(this.#child, "close");
    this.#hasEnded = true;
    this.#changed();
    return { code, signal, ...this.#text };
  }
}

const startScript = (node: string, args: readonly string[], env: NodeJS.ProcessEnv) =>
  startChild(node, args, { stdio: ["ignore", "pipe", "pipe"], env });

/** A packaged `sightline` to test in place of the sources. */
const PACKAGED = process.env.SIGHTLINE_BIN;

/** The `sightline` command. */
export class SightlineProcess extends ScriptProcess {
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    if (PACKAGED) super(PACKAGED, args, env, "/bin/sh");
    else super(CLI, args, env);
  }
}

/** Runs a command to its end. */
export const sightline = (...args: string[]): Promise<Ended> => new SightlineProcess(args).ended;
