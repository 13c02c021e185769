import type { Clock } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import { ArrivalRate } from "./arrival-rate.ts";
import type { BatchRecord } from "./batch-log.ts";
import { Beats } from "./beats.ts";
import { CostModel } from "./cost-model.ts";
import { HeldSlot } from "./held-slot.ts";
import { type BatchPolicy, dueMs, type Plan, planBatch, type Waiting } from "./plan-batch.ts";
import type { SlotAccess, Slots } from "./slots.ts";

/** Runs a batch on the slot that it holds; one output per input, in order. */
export type RunBatch<In, Out> = (
  held: Pick<HeldSlot, "slot" | "without">,
  inputs: readonly In[],
) => Promise<Out[]>;

interface Request<In, Out> extends Waiting {
  input: In;
  resolve(done: Scheduled<Out>): void;
  reject(error: unknown): void;
}

export interface Scheduled<Out> {
  output: Out;
  /** When the request left the queue for a slot, monotonic. */
  startedNs: bigint;
}

export interface SchedulerOptions extends Pick<BatchPolicy, "hold" | "maxBatch"> {
  /** Batches that may be under way at once. */
  instances: number;
  /** Against other models, see `Slots`. */
  weight: number;
  /** Requests that may wait. */
  queueSize: number;
  /** With one more: it is refused, or the one that waits longest is given up. */
  whenFull: "reject" | "drop_oldest";
  /** For requests that have none of their own, from their arrival. */
  deadlineMs?: number | undefined;
}

export interface SubmitOptions {
  /** Monotonic; beyond it the request is useless. */
  deadlineNs?: bigint | undefined;
  /** Who sends one after the other, such as a camera. */
  source?: string | undefined;
}

interface Deps<In, Out> {
  clock: Clock;
  slots: Slots;
  run: RunBatch<In, Out>;
  onBatch?: (record: Omit<BatchRecord, "model">) => void;
}

/**
 * Decides which requests of one model run together, and when. After `submit` the scheduler owns the request until its
 * promise settles. Requests are bound to a batch only when a slot is free for it.
 */
export class Scheduler<In, Out> {
  readonly #deps: Deps<In, Out>;
  readonly #options: SchedulerOptions;
  readonly #access: SlotAccess;
  readonly #cost = new CostModel();
  readonly #rate = new ArrivalRate();
  readonly #beats = new Beats();
  #queue: Request<In, Out>[] = [];
  /** Batches under way that have waited for others, and need a slot again. */
  readonly #resuming: { dueMs: number; resume(slot: number): void }[] = [];
  #order = 0;
  #running = 0;
  /** Given up since the last batch went. */
  #dropped = 0;
  #queueSize: number;
  /** Set while it is better to wait for the next request than to run what is there. */
  #wait: NodeJS.Timeout | undefined;

  constructor(deps: Deps<In, Out>, options: SchedulerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#queueSize = options.queueSize;
    const dueOf = () => this.#dueMs();
    this.#access = deps.slots.join({
      weight: options.weight,
      get dueMs() {
        return dueOf();
      },
      start: (slot) => this.#start(slot),
    });
  }

  /** Lets as many requests wait, if more than now. */
  reserve(queueSize: number): void {
    this.#queueSize = Math.max(this.#queueSize, queueSize);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Errors: ERR_QUEUE_FULL, at once or later; ERR_DEADLINE when its turn comes too late; those of the run. */
  submit(input: In, { deadlineNs, source }: SubmitOptions = {}): Promise<Scheduled<Out>> {
    if (this.#queue.length >= this.#queueSize && !this.#giveUpOldest()) {
      return Promise.reject(queueFull(`${this.#queue.length} requests are already waiting`));
    }
    return new Promise((resolve, reject) => {
      const arrivedMs = this.#nowMs();
      const own = deadlineNs === undefined ? undefined : msOf(deadlineNs);
      const { deadlineMs: lastsMs } = this.#options;
      const deadlineMs = own ?? (lastsMs === undefined ? undefined : arrivedMs + lastsMs);
      this.#rate.observe(arrivedMs);
      if (source !== undefined) this.#beats.observe(source, arrivedMs);
      this.#queue.push({ order: this.#order++, arrivedMs, deadlineMs, input, resolve, reject });
      this.#endWait();
      this.#access.request();
    });
  }

  #giveUpOldest(): boolean {
    if (this.#options.whenFull !== "drop_oldest" || this.#queue.length === 0) return false;
    const oldest = this.#queue.reduce((a, b) => (b.order < a.order ? b : a));
    this.#queue = this.#queue.filter((request) => request !== oldest);
    oldest.reject(queueFull("a newer request took its place in the queue"));
    this.#dropped++;
    return true;
  }

  #dueMs(): number | undefined {
    const isBusy = this.#running >= this.#options.instances || this.#wait !== undefined;
    let soonestMs = isBusy ? NEVER : soonest(this.#queue);
    for (const resuming of this.#resuming) soonestMs = Math.min(soonestMs, resuming.dueMs);
    return soonestMs === NEVER ? undefined : soonestMs;
  }

  #start(slot: number): boolean {
    const resuming = this.#resuming.shift();
    if (resuming) {
      resuming.resume(slot);
      return true;
    }
    const plan = this.#plan();
    this.#queue = plan.rest;
    this.#dropped += plan.drops.length;
    for (const late of plan.drops) {
      late.reject(new SightlineError("ERR_DEADLINE", "its turn came too late to meet the deadline"));
    }
    if (plan.untilMs !== undefined) this.#waitUntil(plan.untilMs);
    if (plan.batch.length === 0) return false;
    void this.#run(slot, plan);
    return true;
  }

  #plan(): Plan<Request<In, Out>> {
    const nowMs = this.#nowMs();
    return planBatch(this.#queue, nowMs, {
      ...this.#options,
      cost: this.#cost.costAt(nowMs),
      ratePerMs: this.#rate.perMs,
      nextArrivalMs: this.#beats.nextAfter(nowMs),
    });
  }

  #waitUntil(untilMs: number): void {
    this.#wait = setTimeout(
      () => {
        this.#wait = undefined;
        this.#access.request();
      },
      Math.max(0, untilMs - this.#nowMs()),
    );
  }

  #endWait(): void {
    clearTimeout(this.#wait);
    this.#wait = undefined;
  }

  async #run(slot: number, { batch, reason }: Plan<Request<In, Out>>): Promise<void> {
    this.#running++;
    const startedNs = this.#deps.clock.nowNs();
    const startedMs = msOf(startedNs);
    const queuedMs = startedMs - Math.min(...batch.map(({ arrivedMs }) => arrivedMs));
    const dropped = this.#dropped;
    this.#dropped = 0;
    const held = this.#hold(slot, soonest(batch));
    let failed = false;
    try {
      const inputs = batch.map(({ input }) => input);
      const outputs = await this.#deps.run(held, inputs);
      batch.forEach((request, i) => {
        request.resolve({ output: outputs[i] as Out, startedNs });
      });
    } catch (error) {
      failed = true;
      for (const request of batch) request.reject(error);
    } finally {
      const endedMs = this.#nowMs();
      const [size, runMs] = [batch.length, endedMs - startedMs];
      if (!failed) this.#cost.observe(size, runMs, endedMs);
      this.#deps.onBatch?.({ slot, size, reason, startedMs, queuedMs, runMs, dropped, failed });
      this.#running--;
      held.release();
    }
  }

  #hold(slot: number, due: number): HeldSlot {
    const resume = () =>
      new Promise<number>((resolve) => {
        this.#resuming.push({ dueMs: due, resume: resolve });
        this.#access.request();
      });
    return new HeldSlot({ access: this.#access, nowMs: () => this.#nowMs(), resume }, slot);
  }

  #nowMs(): number {
    return msOf(this.#deps.clock.nowNs());
  }
}

const NEVER = Number.POSITIVE_INFINITY;

/** When the most urgent of the requests is due. */
function soonest(requests: readonly Waiting[]): number {
  let least = NEVER;
  for (const request of requests) least = Math.min(least, dueMs(request));
  return least;
}

const msOf = (ns: bigint): number => Number(ns) / 1e6;

const queueFull = (message: string): SightlineError => new SightlineError("ERR_QUEUE_FULL", message);
