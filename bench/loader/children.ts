import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Runs one of this folder's scripts in a process of its own and gives the JSON that it prints. */
export async function runChild<T>(
  script: string,
  args: readonly string[],
  execArgv: string[] = [],
): Promise<T> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...execArgv, path, ...args], {
    // ONNX Runtime would report its use over the network.
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
}

/** What a child hands back. */
export const answer = (value: object): void => console.log(JSON.stringify(value));
