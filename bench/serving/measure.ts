import type { LoadResult } from "../load/open-loop.ts";
import { ask, type Server, type StartServer } from "./servers.ts";
import type { Served } from "./subjects.ts";

const CONNECTIONS = 8;
const EQUAL_LOAD = 0.8;

export interface Setting {
  folder: string;
  /** As taskset(1) names them. */
  cores: { server: string; client: string };
  rounds: number;
  /** Of one measurement. */
  seconds: number;
  /** Of each one's own capacity. */
  loads: readonly number[];
  servers: readonly StartServer[];
}

/** Of one server; a value a round. */
export interface Figures {
  name: string;
  perSecond: number[];
  cpuMsPer1000: number[];
  pssMb: number;
  /** By how much is asked of it. */
  latency: Record<string, LoadResult[]>;
}

interface Subject {
  server: Server;
  figures: Figures;
}

/**
 * All servers by turns: what each can do at most, and right after that what parts of it take, as a shared machine is not the
 * same a minute later.
 */
export async function measured(model: Served, setting: Setting): Promise<Figures[]> {
  const subjects: Subject[] = [];
  try {
    for (const start of setting.servers) {
      const server = await start(model, setting.cores.server, setting.folder);
      const figures = { name: server.name, perSecond: [], cpuMsPer1000: [], pssMb: 0, latency: {} };
      subjects.push({ server, figures });
    }
    for (let round = 0; round < setting.rounds; round++) await inTurns(subjects, model, setting, round);
    for (const { figures, server } of subjects) figures.pssMb = server.pssMb();
    return subjects.map(({ figures }) => figures);
  } finally {
    for (const { server } of subjects) await server.stop();
  }
}

async function inTurns(
  subjects: readonly Subject[],
  model: Served,
  setting: Setting,
  round: number,
): Promise<void> {
  for (const subject of subjects) {
    await saturate(subject, model, setting);
    for (const load of setting.loads) {
      const perSecond = load * capacityOf(subject);
      await offer(subject, model, setting, { what: `${load} of its capacity`, round, perSecond });
    }
  }
  const least = Math.min(...subjects.map(capacityOf));
  for (const subject of subjects) {
    const what = "an equal rate";
    await offer(subject, model, setting, { what, round, perSecond: EQUAL_LOAD * least });
  }
}

/** As it was just now. */
const capacityOf = ({ figures }: Subject): number => figures.perSecond.at(-1) ?? Number.NaN;

async function saturate({ figures, server }: Subject, { input }: Served, { cores, seconds }: Setting) {
  const args = [server.url, JSON.stringify(input), "closed", `${CONNECTIONS}`];
  const closed = (time: number) =>
    ask<{ perSecond: number; failed: number }>(cores.client, [...args, `${time}`]);
  await closed(seconds / 3);
  const cpuMs = server.cpuMs();
  const { failed, perSecond } = await closed(seconds);
  if (failed > 0) throw new Error(`${server.name} failed ${failed} requests`);
  figures.perSecond.push(perSecond);
  figures.cpuMsPer1000.push((1_000 * (server.cpuMs() - cpuMs)) / (perSecond * seconds));
}

async function offer(
  { figures, server }: Subject,
  { input }: Served,
  { cores, seconds }: Setting,
  { perSecond, round, what }: { what: string; round: number; perSecond: number },
): Promise<void> {
  const args = [server.url, JSON.stringify(input), "open", `${perSecond}`, `${seconds}`, `${round + 1}`];
  const result = await ask<LoadResult>(cores.client, args);
  if (result.failed > 0) throw new Error(`${server.name} failed ${result.failed} requests`);
  figures.latency[what] = [...(figures.latency[what] ?? []), result];
}
