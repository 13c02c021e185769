import { readFile, statfs } from "node:fs/promises";
import os from "node:os";

/** What the board says of itself; null where it does not say. */
export interface DeviceInfo {
  model: string | null;
  serial: string | null;
  arch: string;
  cpus: number;
  memory_bytes: number;
  os: string;
}

const TREE = "/proc/device-tree";

export async function readDevice(): Promise<DeviceInfo> {
  return {
    model: (await readText(`${TREE}/model`)) ?? (await readText("/sys/class/dmi/id/product_name")),
    serial: await readText(`${TREE}/serial-number`),
    arch: os.arch(),
    cpus: os.availableParallelism(),
    memory_bytes: os.totalmem(),
    os: `${os.type()} ${os.release()}`,
  };
}

/** Changes with each boot of the machine. */
export async function readBootId(): Promise<string> {
  return (await readText("/proc/sys/kernel/random/boot_id")) ?? "unknown";
}

/** Degrees Celsius of the first thermal zone; null where there is none. */
export async function readTemperature(): Promise<number | null> {
  const milli = Number((await readText("/sys/class/thermal/thermal_zone0/temp")) ?? Number.NaN);
  return Number.isFinite(milli) ? milli / 1000 : null;
}

export async function readDisk(path: string): Promise<{ free_bytes: number; total_bytes: number } | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { free_bytes: bavail * bsize, total_bytes: blocks * bsize };
  } catch {
    return null;
  }
}

/** Text of a kernel file without the NUL that device trees end it with; null when there is none. */
async function readText(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).replaceAll("\0", "").trim() || null;
  } catch {
    return null;
  }
}
