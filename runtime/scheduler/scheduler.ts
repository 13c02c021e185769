import type { Clock } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import { ArrivalRate } from "./arrival-rate.ts";
import { CostModel } from "./cost-model.ts";
import { type BatchPolicy, planBatch, type Waiting } from "./plan-batch.ts";

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
  readonly #idle: Instance<In, Out>[];
  readonly #cost = new CostModel();
  readonly #rate = new ArrivalRate();
  #queue: Request<In, Out>[] = [];
  #order = 0;
  #queueSize: number;

  constructor(deps: { clock: Clock }, options: SchedulerOptions<In, Out>) {
    this.#queueSize = options.queueSize;
    this.#clock = deps.clock;
    this.#options = options;
    this.#idle = [...options.instances];
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
      const instance = this.#idle.pop();
      if (!instance) return;
      const { maxBatch } = this.#options;
      const nowMs = msOf(this.#clock.nowNs());
      const plan = planBatch(this.#queue, nowMs, {
        maxBatch,
        cost: this.#cost.costAt(nowMs),
        ratePerMs: this.#rate.perMs,
      });
      this.#queue = plan.rest;
      for (const late of plan.drops) {
        late.reject(new SightlineError("ERR_DEADLINE", "its turn came too late to make its deadline"));
      }
      if (plan.batch.length > 0) void this.#run(instance, plan.batch);
      else this.#idle.push(instance);
    }
  }

  async #run(instance: Instance<In, Out>, batch: Request<In, Out>[]): Promise<void> {
    const startedNs = this.#clock.nowNs();
    try {
      const outputs = await instance.run(batch.map((r) => r.input));
      const endedNs = this.#clock.nowNs();
      this.#cost.observe(batch.length, msOf(endedNs - startedNs), msOf(endedNs));
      batch.forEach((request, i) => {
        request.resolve({ output: outputs[i] as Out, startedNs });
      });
    } catch (error) {
      for (const request of batch) request.reject(error);
    } finally {
      this.#idle.push(instance);
      this.#dispatch();
    }
  }
}

const msOf = (ns: bigint): number => Number(ns) / 1e6;
