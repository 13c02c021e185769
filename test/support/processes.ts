import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Ids of the processes that `pid` has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(all.map(async (child) => [child, await parentOf(child)] as const));
  return parents.filter(([, parent]) => parent === pid).map(([child]) => child);
}

export async function isAlive(pid: number): Promise<boolean> {
  return (await parentOf(pid)) !== undefined;
}

/** Nobody tells of the end of a process that is not one's own child: it has to be looked for. */
export async function untilGone(pid: number): Promise<void> {
  while (await isAlive(pid)) await sleep(20);
}

/** Undefined when there is no such process, or only what is left of one until its parent looks. */
async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name may hold blanks and brackets: fields count from the last one.
  const [state, parent] = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  return state === undefined || state === "Z" ? undefined : Number(parent);
}
