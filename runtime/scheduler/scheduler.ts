import type { Clock } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import { ArrivalRate } from "./arrival-rate.ts";
import type { BatchRecord } from "./batch-log.ts";
import { CostModel } from "./cost-model.ts";
import { type BatchPolicy, type Plan, planBatch, type Waiting } from "./plan-batch.ts";

/** One session on one slot, ready to take batches. Resolves to one output per input, in order. */
export interface Instance<In, Out> {
  run(inputs: readonly In[]): Promise<Out[]>;
}

interface Request<In, Out> extends Waiting {
  input: In;
  resolve(done: Scheduled<Out>): void;
  reject(error: unknown): void;
}

export interface Scheduled<Out> {
  output: Out;
  /** When the request left the queue for an instance, monotonic. */
  startedNs: bigint;
}

export interface SchedulerOptions<In, Out> extends Pick<BatchPolicy, "maxBatch"> {
  instances: readonly Instance<In, Out>[];
  /** Requests that may wait; one more is refused with ERR_QUEUE_FULL. */
  queueSize: number;
}

/**
 * Decides which requests run together, on which instance, and when. After `submit` the scheduler owns the
 * request until its promise settles. Requests are bound to a batch only when an instance takes them.
 */
export class Scheduler<In, Out> {
  readonly #clock: Clock;
  readonly #options: SchedulerOptions<In, Out>;
  readonly #onBatch: (record: Omit<BatchRecord, "model">) => void;
  readonly #idle: { instance: Instance<In, Out>; index: number }[];
  readonly #cost = new CostModel();
  readonly #rate = new ArrivalRate();
  #queue: Request<In, Out>[] = [];
  #order = 0;
  /** Given up since the last batch went. */
  #dropped = 0;
  #queueSize: number;

  constructor(
    deps: { clock: Clock; onBatch?: (record: Omit<BatchRecord, "model">) => void },
    options: SchedulerOptions<In, Out>,
  ) {
    this.#queueSize = options.queueSize;
    this.#clock = deps.clock;
    this.#options = options;
    this.#onBatch = deps.onBatch ?? (() => {});
    this.#idle = options.instances.map((instance, index) => ({ instance, index }));
  }

  /** Lets as many requests wait, if more than now. */
  reserve(queueSize: number): void {
    this.#queueSize = Math.max(this.#queueSize, queueSize);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Errors: ERR_QUEUE_FULL at once, ERR_DEADLINE when its turn comes too late, and those of the instance. */
  submit(input: In, deadlineNs?: bigint): Promise<Scheduled<Out>> {
    if (this.#queue.length >= this.#queueSize) {
      const message = `${this.#queue.length} requests wait already`;
      return Promise.reject(new SightlineError("ERR_QUEUE_FULL", message));
    }
    return new Promise((resolve, reject) => {
      const deadlineMs = deadlineNs === undefined ? undefined : msOf(deadlineNs);
      const arrivedMs = msOf(this.#clock.nowNs());
      this.#rate.observe(arrivedMs);
      this.#queue.push({ order: this.#order++, arrivedMs, deadlineMs, input, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const idle = this.#idle.pop();
      if (!idle) return;
      const { maxBatch } = this.#options;
      const nowMs = msOf(this.#clock.nowNs());
      const plan = planBatch(this.#queue, nowMs, {
        maxBatch,
        cost: this.#cost.costAt(nowMs),
        ratePerMs: this.#rate.perMs,
      });
      this.#queue = plan.rest;
      this.#dropped += plan.drops.length;
      for (const late of plan.drops) {
        late.reject(new SightlineError("ERR_DEADLINE", "its turn came too late to make its deadline"));
      }
      if (plan.batch.length > 0) void this.#run(idle, plan);
      else this.#idle.push(idle);
    }
  }

  async #run(
    idle: { instance: Instance<In, Out>; index: number },
    { batch, reason }: Plan<Request<In, Out>>,
  ): Promise<void> {
    const startedNs = this.#clock.nowNs();
    const startedMs = msOf(startedNs);
    const queuedMs = startedMs - Math.min(...batch.map(({ arrivedMs }) => arrivedMs));
    const dropped = this.#dropped;
    this.#dropped = 0;
    let failed = false;
    try {
      const outputs = await idle.instance.run(batch.map((r) => r.input));
      batch.forEach((request, i) => {
        request.resolve({ output: outputs[i] as Out, startedNs });
      });
    } catch (error) {
      failed = true;
      for (const request of batch) request.reject(error);
    } finally {
      const endedMs = msOf(this.#clock.nowNs());
      const runMs = endedMs - startedMs;
      if (!failed) this.#cost.observe(batch.length, runMs, endedMs);
      const [size, instance] = [batch.length, idle.index];
      this.#onBatch({ instance, size, reason, startedMs, queuedMs, runMs, dropped, failed });
      this.#idle.push(idle);
      this.#dispatch();
    }
  }
}

const msOf = (ns: bigint): number => Number(ns) / 1e6;
