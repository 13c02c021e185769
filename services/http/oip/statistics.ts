import type { BatchRecord } from "../../../runtime/scheduler/batch-log.ts";

interface Sum {
  count: number;
  ns: number;
}

interface Sums {
  executions: number;
  lastMs: number;
  success: Sum;
  fail: Sum;
  queue: Sum;
  infer: Sum;
}

const sums = (): Sums => ({
  executions: 0,
  lastMs: 0,
  success: { count: 0, ns: 0 },
  fail: { count: 0, ns: 0 },
  queue: { count: 0, ns: 0 },
  infer: { count: 0, ns: 0 },
});

/** Counts runs for the protocol's statistics extension; those of cameras are among them. */
export class Statistics {
  readonly #models = new Map<string, Sums>();

  /** `wallMs`: when it ended. */
  count({ failed, model, queuedMs, runMs, size }: BatchRecord, wallMs: number): void {
    const of = this.#models.get(model) ?? sums();
    this.#models.set(model, of);
    of.executions++;
    of.lastMs = wallMs;
    add(failed ? of.fail : of.success, size, queuedMs + runMs);
    add(of.queue, size, queuedMs);
    add(of.infer, size, runMs);
  }

  of(name: string, version: string): object {
    const { executions, fail, infer, lastMs, queue, success } = this.#models.get(name) ?? sums();
    const none = { count: 0, ns: 0 };
    return {
      name,
      version,
      last_inference: Math.round(lastMs),
      inference_count: success.count,
      execution_count: executions,
      // Reading inputs and writing outputs is not measured apart.
      inference_stats: {
        success,
        fail,
        queue,
        compute_input: none,
        compute_infer: infer,
        compute_output: none,
      },
      batch_stats: [],
    };
  }
}

function add(sum: Sum, count: number, ms: number): void {
  sum.count += count;
  sum.ns += Math.round(ms * 1e6);
}
