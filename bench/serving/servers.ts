import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { boundCommand } from "../../runtime/base/bound-command.ts";
import { readMemory } from "../loader/memory.ts";
import { cpuMsOf } from "../process-cpu.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Whose packages the peer in Python is made of. */
const PYTHON = process.env.SIGHTLINE_PYTHON ?? "python3";
const START_LIMIT_MS = 60_000;
const ENV = { ...process.env, ORT_DISABLE_TELEMETRY: "1" };

/** A server in a process of its own. */
export interface Server {
  name: string;
  url: string;
  cpuMs(): number;
  /** Memory that it alone has, and its part of what it shares. */
  pssMb(): number;
  stop(): Promise<void>;
}

/** `cores`: those that the process may use, as taskset(1) names them. */
export type StartServer = (
  model: { file: string; bundle: string },
  cores: string,
  folder: string,
) => Promise<Server>;

export const daemon: StartServer = async ({ bundle }, cores, folder) => {
  const port = await freePort();
  const config = {
    version: 1,
    device: { id: "bench" },
    mqtt: { url: "mqtt://127.0.0.1:1" },
    models: { m: { bundle } },
    cameras: {},
    pipelines: {},
    http: { listen: `127.0.0.1:${port}`, max_body: "64MiB" },
    store: { path: join(folder, `data-${port}`) },
    log: { level: "info" },
  };
  const file = join(folder, `serving-${port}.yaml`);
  writeFileSync(file, stringify(config));
  const args = [here("../../cli/sightline.mjs"), "run", "--config", file];
  return started("sightline", [process.execPath, ...args], { cores, port });
};

export const plain: StartServer = async ({ file }, cores) => {
  const port = await freePort();
  const args = [here("plain-server.ts"), file, String(port)];
  return started("fastify + onnxruntime-node", [process.execPath, ...args], { cores, port });
};

export const fastapi: StartServer = async ({ file }, cores) => {
  const port = await freePort();
  const args = [here("fastapi_server.py"), file, String(port), String(cores.split(",").length)];
  return started("FastAPI + onnxruntime", [PYTHON, ...args], { cores, port });
};

/** Python with fastapi, uvicorn, numpy and onnxruntime; undefined where it has them not. */
export async function hasFastapi(): Promise<boolean> {
  const imports = ["-c", "import fastapi, uvicorn, numpy, onnxruntime"];
  return promisify(execFile)(PYTHON, imports).then(
    () => true,
    () => false,
  );
}

async function started(
  name: string,
  command: readonly string[],
  { cores, port }: { cores: string; port: number },
): Promise<Server> {
  const child = spawn(...boundCommand("taskset", ["-c", cores, ...command]), {
    stdio: ["ignore", "ignore", "inherit"],
    env: ENV,
  });
  const ended = once(child, "exit");
  const url = `http://127.0.0.1:${port}/v2/models/m`;
  await untilReady(child, `${url}/ready`);
  return {
    name,
    url: `${url}/infer`,
    cpuMs: () => cpuMsOf(child.pid ?? 0),
    pssMb: () => readMemory(child.pid).pssBytes / 1e6,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  const until = performance.now() + START_LIMIT_MS;
  while (child.exitCode === null && performance.now() < until) {
    const isReady = await fetch(url).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.ok;
      },
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} did not become ready`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Runs the client on its own cores and gives what it printed. */
export async function ask<T>(cores: string, args: readonly string[]): Promise<T> {
  const command = ["-c", cores, process.execPath, here("client.ts"), ...args];
  const { stdout } = await promisify(execFile)("taskset", command, { env: ENV });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
}
