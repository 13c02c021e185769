import type { Frame } from "../../runtime/pipeline/frame.ts";
import type { CameraEvent } from "../../services/camera/report.ts";
import { CameraRun, rawOf } from "./camera-run.ts";
import { type Numbered, readNumbered, scripted } from "./numbered-frames.ts";

/** What happened to one camera that was harmed again and again. */
export interface FaultReport {
  rounds: number;
  frames: number;
  torn: number;
  stalls: number;
  /** Codes of its failures. */
  codes: readonly string[];
  /** From the last whole frame to `stalled`, of each stall. */
  stalledAfterMs: readonly number[];
  /** From each failure to the next frame. */
  backAfterMs: readonly number[];
  /** Of the oldest frame, when it was handed over. */
  ageMsMax: number;
  /** What a verdict must never be made from; empty when all is well. */
  wrong: readonly string[];
}

/** Looks at each frame that a scripted camera delivers: whole, newer than the one before, and of a child that lives. */
class Watcher {
  readonly wrong: string[] = [];
  readonly backAfterMs: number[] = [];
  readonly stalledAfterMs: number[] = [];
  readonly codes: string[] = [];
  frames = 0;
  ageMsMax = 0;
  lastFrameMs = 0;
  last: Numbered | undefined;
  #gonePids = new Set<number>();
  #failedMs: number | undefined;

  see(frame: Frame): void {
    const nowMs = performance.now();
    try {
      const numbered = readNumbered(rawOf(frame).bytes);
      this.#judge(numbered);
      this.last = numbered;
    } catch (error) {
      this.wrong.push(String(error));
    }
    if (this.#failedMs !== undefined) this.backAfterMs.push(nowMs - this.#failedMs);
    this.#failedMs = undefined;
    this.lastFrameMs = nowMs;
    this.frames++;
  }

  hear(event: CameraEvent): void {
    if (event.type !== "failure") return;
    this.codes.push(event.error.code);
    this.#failedMs ??= performance.now();
    if (this.last) this.#gonePids.add(this.last.pid);
  }

  #judge({ atMs, number, pid }: Numbered): void {
    if (this.#gonePids.has(pid)) this.wrong.push(`frame ${number} of a child that had failed`);
    if (this.last?.pid === pid && number <= this.last.number) this.wrong.push(`frame ${number} again`);
    this.ageMsMax = Math.max(this.ageMsMax, Date.now() - atMs);
  }
}

export type Fault = "kill" | "freeze" | "garbage" | "half" | "size" | "end";

/** Harms a camera `rounds` times and watches it come back. Needs nothing of a test runner. */
export async function harm(folder: string, fault: Fault, rounds: number): Promise<FaultReport> {
  const watcher = new Watcher();
  const own = fault === "kill" || fault === "freeze" ? "none" : fault;
  const run = new CameraRun(folder, scripted("multipart", own), (frame) => watcher.see(frame));
  const stats = () => (run.source as unknown as { stats: { torn: number; stalls: number } }).stats;
  run.onSaid = ({ event, status }) => {
    if (event) watcher.hear(event);
    if (status === "stalled") watcher.stalledAfterMs.push(performance.now() - watcher.lastFrameMs);
  };
  // A fault that the reader gets over without a restart counts too.
  const done = () => watcher.codes.length + (fault === "half" || fault === "garbage" ? stats().torn : 0);
  try {
    if (own === "none") await harmFromOutside(run, watcher, fault === "kill" ? "SIGKILL" : "SIGSTOP", rounds);
    await run.until(() => done() >= rounds);
    const seen = watcher.frames;
    await run.until(() => watcher.frames > seen);
  } finally {
    await run.stop();
  }
  const { ageMsMax, backAfterMs, codes, frames, stalledAfterMs, wrong } = watcher;
  return {
    rounds: done(),
    frames,
    torn: stats().torn,
    stalls: stats().stalls,
    codes,
    stalledAfterMs,
    backAfterMs,
    ageMsMax,
    wrong,
  };
}

async function harmFromOutside(
  run: CameraRun,
  watcher: Watcher,
  signal: NodeJS.Signals,
  rounds: number,
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    const seen = watcher.frames;
    await run.until(() => watcher.frames >= seen + 10);
    if (run.source.pid !== undefined) process.kill(run.source.pid, signal);
    await run.until(() => watcher.codes.length >= round);
  }
}
