import { EmbeddedBroker } from "../../cli/embedded-broker.ts";
import { openBundle } from "../../models/bundle/bundle.ts";
import { cost, least, type Result, rate } from "../bench.ts";
import { cpuMsOf } from "../process-cpu.ts";
import { PCB_AOI, SAMPLES, withDaemon, withProcess } from "../watched-process.ts";

const FPS = 10;
const DEADLINE_MS = 200;
/** In % of what is possible: what must be judged, and in time. */
const SHARE = 95;
/** A daemon that says nothing for so long is not going to. */
const START_LIMIT_MS = 60_000;

interface Watched {
  /** In the time that was watched. */
  judged: number;
  seconds: number;
  cpuMs: number;
  /** From capture to verdict, of those that have one, rising. */
  totalsMs: number[];
}

/** A daemon with ever more replay cameras at ten frames a second, from little to do to several times too much. */
export async function manyCameras({ quick }: { quick: boolean }): Promise<Result[]> {
  const [counts, seconds] = quick ? [[1, 4], 1] : [[1, 2, 4, 8, 16, 32], 10];
  const broker = await EmbeddedBroker.listen(0);
  const verdicts = new Verdicts(broker);
  try {
    const runs: { cameras: number; watched: Watched }[] = [];
    for (const cameras of counts) {
      const setting = { cameras, fps: FPS, deadline: `${DEADLINE_MS}ms` };
      const watched = await withDaemon(broker, setting, (pid) => verdicts.watch(pid, seconds));
      runs.push({ cameras, watched });
    }
    const { stages } = await openBundle(PCB_AOI);
    const args = [String(broker.port), stages[0]?.path ?? "", SAMPLES];
    const plain = await withProcess("./plain-loop.ts", args, (pid) => verdicts.watch(pid, seconds));
    const [one, most] = [runs[0], runs.at(-1)];
    if (!one || !most) throw new Error("nothing was watched");
    const fastest = Math.max(...runs.map(({ watched }) => perSecond(watched)));
    const atMost = { perSecond: fastest, cpuMs: 1.1 * cpuPerFrame(one.watched) };
    return [
      ...runs.flatMap(({ cameras, watched }) => rowsOf(cameras, watched, atMost)),
      rate(`${most.cameras} cameras: judged`, "frames/s", perSecond(most.watched), perSecond(plain), 1.8),
    ];
  } finally {
    await broker.close();
  }
}

const cpuPerFrame = ({ cpuMs, judged }: Watched): number => cpuMs / judged;
const perSecond = ({ judged, seconds }: Watched): number => judged / seconds;

function rowsOf(cameras: number, watched: Watched, atMost: { perSecond: number; cpuMs: number }): Result[] {
  const inTime = watched.totalsMs.filter((ms) => ms <= DEADLINE_MS).length / watched.seconds;
  const offered = cameras * FPS;
  const name = (what: string) => `${cameras} cameras at ${FPS} frames/s: ${what}`;
  // What a machine cannot do it drops.
  const possible = Math.min(offered, atMost.perSecond);
  const owed = possible < offered ? (SHARE / 100) * possible : offered;
  return [
    least(
      name(`verdicts within ${DEADLINE_MS} ms, of those possible`),
      "%",
      (100 * inTime) / possible,
      SHARE,
    ),
    least(
      name("judged, of all frames"),
      "%",
      (100 * perSecond(watched)) / offered,
      (SHARE * possible) / offered,
    ),
    cost(name("p99 from capture to verdict, of those possible"), "ms", p99Of(watched, owed), DEADLINE_MS),
    cost(
      name("CPU of a frame, 1.1 times that with one at most"),
      "ms",
      cpuPerFrame(watched),
      Math.round(10 * atMost.cpuMs) / 10,
    ),
  ];
}

/** Of the frames a second that it owes; one without a verdict has been waiting for as long as was watched. */
function p99Of({ seconds, totalsMs }: Watched, owed: number): number {
  const last = Math.max(totalsMs.length, Math.round(owed * seconds)) - 1;
  return totalsMs[Math.floor(0.99 * last)] ?? 1_000 * seconds;
}

/** Counts verdicts as they reach the broker. */
class Verdicts {
  #onResult = (_: string): void => {};

  constructor(broker: EmbeddedBroker) {
    broker.onMessage((topic, payload) => {
      if (topic.endsWith("/result")) this.#onResult(payload.toString());
    });
  }

  /** From two seconds behind the first on. */
  async watch(pid: number, seconds: number): Promise<Watched> {
    await new Promise<void>((resolve, reject) => {
      this.#onResult = () => resolve();
      setTimeout(() => reject(new Error("no result came")), START_LIMIT_MS).unref();
    });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const totalsMs: number[] = [];
    let judged = 0;
    this.#onResult = (text) => {
      const { error, timing_ms } = JSON.parse(text) as { error?: unknown; timing_ms?: { total: number } };
      if (error) return;
      judged++;
      totalsMs.push(timing_ms?.total ?? 0);
    };
    const [startMs, startCpuMs] = [performance.now(), cpuMsOf(pid)];
    await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
    const cpuMs = cpuMsOf(pid) - startCpuMs;
    this.#onResult = () => {};
    return {
      judged,
      seconds: (performance.now() - startMs) / 1_000,
      cpuMs,
      totalsMs: totalsMs.sort((a, b) => a - b),
    };
  }
}
