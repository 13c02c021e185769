import { Agent, type IncomingMessage, request } from "node:http";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { Arrival } from "../simulator/arrivals.ts";

export interface LoadOptions {
  /** Of an infer route of any server of the Open Inference Protocol. */
  url: string;
  headers: Readonly<Record<string, string | number>>;
  body: Buffer;
  /** When requests are meant to be sent, whether earlier ones were answered or not. */
  arrivals: readonly Arrival[];
}

export interface LoadResult {
  /** Answered with 200, a second. */
  perSecond: number;
  failed: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
}

/** Those that find none free wait in the client, which their latency includes. */
const CONNECTIONS_MAX = 100;
/** In microseconds; a request without a good answer counts as the longest, however soon it was refused. */
const HISTOGRAM = { lowest: 1, highest: 60_000_000, figures: 3 };
/** Nearer than this the loop turns without sleeping: timers are late by about so much. */
const SPIN_MS = 1.5;

/**
 * Sends at the times that were set, and counts latencies from these: a server that stalls is charged for those who would
 * have asked meanwhile (no coordinated omission). Latencies go into an HDR histogram, in microseconds.
 */
export async function openLoop({ arrivals, body, headers, url }: LoadOptions): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  const histogram = createHistogram(HISTOGRAM);
  const startMs = performance.now() + 10;
  const open: Promise<boolean>[] = [];
  for (const { atMs } of arrivals) {
    await until(startMs + atMs);
    open.push(send(startMs + atMs, { agent, body, headers, url, histogram }));
  }
  const answered = await Promise.all(open);
  const seconds = (performance.now() - startMs) / 1_000;
  agent.destroy();
  const good = answered.filter(Boolean).length;
  const at = (percentile: number) => histogram.percentile(percentile) / 1_000;
  return {
    perSecond: good / seconds,
    failed: answered.length - good,
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
  };
}

async function until(atMs: number): Promise<void> {
  for (let leftMs = atMs - performance.now(); leftMs > 0; leftMs = atMs - performance.now()) {
    await new Promise<void>((resolve) => {
      if (leftMs > SPIN_MS) setTimeout(resolve, leftMs - SPIN_MS);
      else setImmediate(resolve);
    });
  }
}

export interface ClosedLoopOptions extends Omit<LoadOptions, "arrivals"> {
  connections: number;
  seconds: number;
}

/** Each connection asks again as soon as it was answered: what a server can do at most. */
export async function closedLoop({
  connections,
  seconds,
  ...to
}: ClosedLoopOptions): Promise<{ perSecond: number; failed: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const histogram = createHistogram(HISTOGRAM);
  const startMs = performance.now();
  let [good, failed] = [0, 0];
  const connection = async () => {
    while (performance.now() < startMs + seconds * 1_000) {
      if (await send(performance.now(), { ...to, agent, histogram })) good++;
      else failed++;
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  const tookSeconds = (performance.now() - startMs) / 1_000;
  agent.destroy();
  return { perSecond: good / tookSeconds, failed };
}

interface Sending extends Omit<LoadOptions, "arrivals"> {
  agent: Agent;
  histogram: RecordableHistogram;
}

async function send(intendedMs: number, { agent, body, headers, histogram, url }: Sending): Promise<boolean> {
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(url, {
        method: "POST",
        agent,
        headers: { ...headers, "content-length": body.length },
      });
      asked.on("response", resolve).on("error", reject).end(body);
    });
    for await (const _ of answer);
    if (answer.statusCode !== 200) throw new Error(`answered with ${answer.statusCode}`);
    histogram.record(Math.max(1, Math.round((performance.now() - intendedMs) * 1_000)));
    return true;
  } catch {
    histogram.record(HISTOGRAM.highest);
    return false;
  }
}
