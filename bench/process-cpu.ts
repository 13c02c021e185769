import { readFileSync } from "node:fs";

/** CPU of another process and its threads so far, in milliseconds; the kernel counts in hundredths of a second (proc_pid_stat(5)). */
export function cpuMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
