import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** In the environment of a runner and of all that it starts, however far down; one of several that stand around others. */
const VARIABLE = "SIGHTLINE_TEST_RUNS";
/** Vitest's own, which ends with Vitest. An emulated one cannot change its title. */
const WATCHDOG = /^vitest-watchdog|\/vitest\/dist\/workers\/watchdog\.js$/;
/** What was ended may take a moment to be gone. */
const GRACE_MS = 10_000;

/** From now on everything that this process starts can be told from all else. */
export function beginRun(): string {
  const run = `${process.pid}.${Date.now()}`;
  process.env[VARIABLE] = [process.env[VARIABLE], run].filter(Boolean).join(" ");
  return run;
}

/** What a run has started and not ended, a line a process. */
export async function leftOf(run: string): Promise<string[]> {
  const deadlineMs = performance.now() + GRACE_MS;
  for (;;) {
    const left = await startedBy(run);
    if (left.length === 0 || performance.now() > deadlineMs) return left;
    await sleep(50);
  }
}

/** What runs of it now. */
export async function startedBy(run: string): Promise<string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const others = ids.filter((id) => id !== process.pid);
  const lines = await Promise.all(others.map((id) => lineOf(id, run)));
  return lines.filter((line) => line !== undefined);
}

/** Undefined for a process that is none of this run's, or of which its parent has not yet heard that it has ended. */
async function lineOf(id: number, run: string): Promise<string | undefined> {
  try {
    const environment = await readFile(`/proc/${id}/environ`, "utf8");
    const runs = environment.split("\0").find((line) => line.startsWith(`${VARIABLE}=`)) ?? "";
    if (
      !runs
        .slice(VARIABLE.length + 1)
        .split(" ")
        .includes(run)
    )
      return undefined;
    const command = (await readFile(`/proc/${id}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
    return command === "" || WATCHDOG.test(command) ? undefined : `${id} ${command}`;
  } catch {
    return undefined;
  }
}

/** For Vitest: a run that leaves a process behind has failed, whatever its tests say. */
export default function setup(): () => Promise<void> {
  const run = beginRun();
  return async () => {
    const left = await leftOf(run);
    if (left.length > 0) throw new Error(`the tests have left processes:\n${left.join("\n")}`);
  };
}
