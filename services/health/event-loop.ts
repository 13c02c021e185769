import { monitorEventLoopDelay } from "node:perf_hooks";

/** How late timers fire, beyond the sampling period. */
export interface LoopDelay {
  p50_ms: number;
  p99_ms: number;
  max_ms: number;
}

const PERIOD_MS = 5;

/** Delay of this thread's event loop: the sign that something blocks it. */
export class EventLoopMonitor {
  readonly #histogram = monitorEventLoopDelay({ resolution: PERIOD_MS });

  start(): void {
    this.#histogram.enable();
  }

  stop(): void {
    this.#histogram.disable();
  }

  /** Since the start or the last `reset`. */
  read(): LoopDelay {
    const late = (ns: number) =>
      Number.isFinite(ns) ? Math.max(0, Math.round(ns / 1e4) / 100 - PERIOD_MS) : 0;
    return {
      p50_ms: late(this.#histogram.percentile(50)),
      p99_ms: late(this.#histogram.percentile(99)),
      max_ms: late(this.#histogram.max),
    };
  }

  reset(): void {
    this.#histogram.reset();
  }
}
