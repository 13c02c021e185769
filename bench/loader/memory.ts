import { readFileSync, writeFileSync } from "node:fs";

export interface Memory {
  rssBytes: number;
  pssBytes: number;
  /** Pages that belong to no file: the system cannot take them back. */
  anonymousBytes: number;
}

/** Of this process, or of another (proc_pid_smaps_rollup(5)). */
export function readMemory(pid: number | "self" = "self"): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytesOf = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
  return { rssBytes: bytesOf("Rss"), pssBytes: bytesOf("Pss"), anonymousBytes: bytesOf("Anonymous") };
}

/** From here on `peakBytes` counts anew (proc_pid_clear_refs(5)). */
export const resetPeak = (): void => writeFileSync("/proc/self/clear_refs", "5");

/** The most that was resident since. */
export function peakBytes(): number {
  const text = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

/** Memory that the process may write to, as RLIMIT_DATA counts it. */
export function dataBytes(): number {
  const text = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmData:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}
