import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** The id of a process's thread of this name; undefined when it has none. */
export function threadOf(pid: number, name: string): number | undefined {
  const tasks = `/proc/${pid}/task`;
  const isIt = (id: string) => readFileSync(`${tasks}/${id}/comm`, "utf8").trim() === name;
  const found = readdirSync(tasks).find(isIt);
  return found === undefined ? undefined : Number(found);
}

/** As a fault of that thread would. Node cannot signal a thread; the C library's tgkill can. */
export function signalThread(pid: number, thread: number, signal: "SIGSEGV" | "SIGABRT" | "SIGKILL"): void {
  const script = `import ctypes, signal; ctypes.CDLL(None).tgkill(${pid}, ${thread}, signal.${signal})`;
  spawnSync("python3", ["-c", script], { stdio: "ignore" });
}
