import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Ids of the processes that `pid` has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(all.map(async (child) => [child, await parentOf(child)] as const));
  return parents.filter(([, parent]) => parent === pid).map(([child]) => child);
}

/** Those of `pid`, theirs, and so on. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const children = await childrenOf(pid);
  const theirs = await Promise.all(children.map(descendantsOf));
  return [...children, ...theirs.flat()];
}

export async function isAlive(pid: number): Promise<boolean> {
  return (await parentOf(pid)) !== undefined;
}

/** Nobody tells of the end of a process that is not one's own child: it has to be looked for. */
export async function untilGone(pid: number): Promise<void> {
  while (await isAlive(pid)) await sleep(20);
}

/** Resolves when none of its threads runs, after SIGSTOP: each stops on its own. */
export async function untilStopped(pid: number): Promise<void> {
  while (!(await isStopped(pid))) await sleep(1);
}

async function isStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(
    threads.map(async (id) => (await fieldsOf(`/proc/${pid}/task/${id}/stat`))?.[0]),
  );
  return states.every((state) => state === "T");
}

/** Undefined when there is no such process, or only what is left of one until its parent looks. */
async function parentOf(pid: number): Promise<number | undefined> {
  const [state, parent] = (await fieldsOf(`/proc/${pid}/stat`)) ?? [];
  return state === undefined || state === "Z" ? undefined : Number(parent);
}

/** Of a process or thread, from its state on. */
async function fieldsOf(path: string): Promise<string[] | undefined> {
  const stat = await readFile(path, "utf8").catch(() => undefined);
  // The name may hold blanks and brackets: fields count from the last one.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}
