// All that tests start, they start by these: a child ends with its test, and with the runner, whatever ends that.
import {
  type ChildProcess,
  type ChildProcessByStdio,
  type ExecFileSyncOptions,
  execFile,
  execFileSync,
  type IOType,
  type SpawnOptions,
  type SpawnSyncOptions,
  spawn,
  spawnSync,
} from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { boundCommand } from "../../runtime/base/bound-command.ts";
import { descendantsOf, untilGone } from "./processes.ts";

export type Child = ChildProcess;
type Piped<Out extends Readable | null, Err extends Readable | null> = ChildProcessByStdio<null, Out, Err>;
type Stdio<Out, Err> = Omit<SpawnOptions, "stdio"> & { stdio: readonly ["ignore", Out, Err] };

/** Ends before the next test begins. Refused when the test that asks for it is over, by its time limit for instance. */
export function startChild(
  file: string,
  args: readonly string[],
  options: Stdio<"pipe", "pipe">,
): Piped<Readable, Readable>;
export function startChild(
  file: string,
  args: readonly string[],
  options: Stdio<"ignore", "pipe">,
): Piped<null, Readable>;
export function startChild(
  file: string,
  args: readonly string[],
  options: Stdio<"pipe", "ignore" | "inherit">,
): Piped<Readable, null>;
export function startChild(
  file: string,
  args: readonly string[],
  { stdio, ...others }: Stdio<IOType, IOType>,
): ChildProcess {
  let child: ChildProcess | undefined;
  // Before anything runs: outside of a test this throws.
  onTestFinished(() => child && end(child));
  child = spawn(...boundCommand(file, args), { ...others, stdio: [...stdio] });
  return child;
}

/** With those that it has started: not all are bound to it. */
async function end(child: ChildProcess): Promise<void> {
  const { exitCode, pid, signalCode } = child;
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  const exited = once(child, "exit");
  const others = await descendantsOf(pid);
  child.kill("SIGKILL");
  for (const other of others) kill(other);
  await exited;
  await Promise.all(others.map(untilGone));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Runs a command to its end; rejects when that is not a good one. */
export const run = (file: string, args: readonly string[], options: { cwd?: string } = {}) =>
  promisify(execFile)(...boundCommand(file, args), options);

export function runSync(file: string, args: readonly string[], options: ExecFileSyncOptions = {}): string {
  return execFileSync(...boundCommand(file, args), { ...options, encoding: "utf8" });
}

/** A command whose bad end is what is looked for. */
export const endOf = (file: string, args: readonly string[], options: SpawnSyncOptions = {}) =>
  spawnSync(...boundCommand(file, args), { ...options, encoding: "utf8" });
