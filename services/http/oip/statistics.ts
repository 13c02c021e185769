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
  /** Of requests by HTTP alone: a camera's frame becomes a tensor elsewhere. */
  input: Sum;
  output: Sum;
}

const sums = (): Sums => ({
  executions: 0,
  lastMs: 0,
  success: { count: 0, ns: 0 },
  fail: { count: 0, ns: 0 },
  queue: { count: 0, ns: 0 },
  infer: { count: 0, ns: 0 },
  input: { count: 0, ns: 0 },
  output: { count: 0, ns: 0 },
});

/** Counts runs for the protocol's statistics extension; those of cameras are among them. */
export class Statistics {
  readonly #models = new Map<string, Sums>();

  /** `wallMs`: when it ended. */
  count({ failed, model, queuedMs, runMs, size }: BatchRecord, wallMs: number): void {
    const of = this.#of(model);
    of.executions++;
    of.lastMs = wallMs;
    add(failed ? of.fail : of.success, size, queuedMs + runMs);
    add(of.queue, size, queuedMs);
    add(of.infer, size, runMs);
  }

  /** What reading a request's tensors and writing its answer took. */
  countConversion(model: string, { inputMs, outputMs }: { inputMs: number; outputMs: number }): void {
    const { input, output } = this.#of(model);
    add(input, 1, inputMs);
    add(output, 1, outputMs);
  }

  #of(model: string): Sums {
    const of = this.#models.get(model) ?? sums();
    this.#models.set(model, of);
    return of;
  }

  of(name: string, version: string): object {
    const { executions, fail, infer, input, lastMs, output, queue, success } =
      this.#models.get(name) ?? sums();
    return {
      name,
      version,
      last_inference: Math.round(lastMs),
      inference_count: success.count,
      execution_count: executions,
      inference_stats: {
        success,
        fail,
        queue,
        compute_input: input,
        compute_infer: infer,
        compute_output: output,
      },
      batch_stats: [],
    };
  }
}

function add(sum: Sum, count: number, ms: number): void {
  sum.count += count;
  sum.ns += Math.round(ms * 1e6);
}
