import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stringify } from "yaml";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ENV = { ...process.env, ORT_DISABLE_TELEMETRY: "1" };

/** A server in a process of its own. */
export interface Server {
  url: string;
  cpuMs(): Promise<number>;
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
  return started(["../../cli/sightline.mjs", "run", "--config", file], {
    cores,
    port,
    word: "HTTP server listens",
  });
};

export const plain: StartServer = async ({ file }, cores) => {
  const port = await freePort();
  return started(["plain-server.ts", file, String(port)], { cores, port, word: "listens" });
};

async function started(
  [script = "", ...args]: string[],
  { cores, port, word }: { cores: string; port: number; word: string },
): Promise<Server> {
  const child = spawn("taskset", ["-c", cores, process.execPath, here(script), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: ENV,
  });
  const ended = once(child, "exit");
  await untilSaid(child, word);
  return {
    url: `http://127.0.0.1:${port}/v2/models/m/infer`,
    cpuMs: () => cpuOf(child.pid ?? 0),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function untilSaid(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes(word)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`a server ended with ${code}: ${text}`)));
  });
}

/** Of the process and its threads, from proc_pid_stat(5): hundredths of a second. */
async function cpuOf(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)("cat", [`/proc/${pid}/stat`]);
  const fields = stdout.slice(stdout.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
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
