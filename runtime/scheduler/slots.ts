/** A model's queue, as the slots see it. */
export interface SlotUser {
  /** With twice the weight of another it gets twice the time while both have work. */
  readonly weight: number;
  /** When its most urgent request is due, on a monotonic clock; undefined when it has nothing to start now. */
  readonly dueMs: number | undefined;
  /** Starts a batch on the slot and gives it back when that has ended. False when there was none to start after all. */
  start(slot: number): boolean;
}

/** How a user gets slots and gives them back. */
export interface SlotAccess {
  /** Something may have become ready to start. */
  request(): void;
  /** The slot is free again; `usedMs` counts against its user. */
  release(slot: number, usedMs: number): void;
}

interface Share {
  /** Divided by its weight. */
  usedMs: number;
  /** Slots that it has now. */
  running: number;
}

/** Those whose shares differ by less are even: the more urgent goes first. */
const EVEN_MS = 20;

/**
 * The engine's slots, shared by all models: an idle slot goes to the model that had the least time for its weight, among
 * those nearly even to the one whose request is due first. A model that had nothing to do saves up nothing (start-time fair
 * queueing; Goyal, Vin and Cheng, SIGCOMM '96).
 */
export class Slots {
  readonly #idle: number[];
  readonly #shares = new Map<SlotUser, Share>();
  /** Share of whoever was served last, which is where one that comes back goes on. */
  #servedMs = 0;

  constructor(count: number) {
    this.#idle = Array.from({ length: count }, (_, i) => count - 1 - i);
  }

  join(user: SlotUser): SlotAccess {
    const share = { usedMs: this.#servedMs, running: 0 };
    return {
      request: () => {
        if (!this.#shares.has(user)) {
          share.usedMs = Math.max(share.usedMs, this.#servedMs);
          this.#shares.set(user, share);
        }
        this.#assign();
        this.#forget(user, share);
      },
      release: (slot, usedMs) => {
        share.usedMs += usedMs / user.weight;
        share.running--;
        this.#idle.push(slot);
        this.#assign();
        this.#forget(user, share);
      },
    };
  }

  /** One run of no queue, such as a warm-up, on the next slot that is free. */
  async once<T>(run: (slot: number) => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<number>();
    let dueMs: number | undefined = 0;
    const access = this.join({
      weight: 1,
      get dueMs() {
        return dueMs;
      },
      start: (slot) => {
        dueMs = undefined;
        resolve(slot);
        return true;
      },
    });
    access.request();
    const slot = await promise;
    try {
      return await run(slot);
    } finally {
      access.release(slot, 0);
    }
  }

  #assign(): void {
    const passed = new Set<SlotUser>();
    while (this.#idle.length > 0) {
      const next = this.#next(passed);
      const slot = next && this.#idle.pop();
      if (next === undefined || slot === undefined) return;
      next.share.running++;
      this.#servedMs = Math.max(this.#servedMs, next.share.usedMs);
      if (next.user.start(slot)) continue;
      next.share.running--;
      this.#idle.push(slot);
      passed.add(next.user);
      this.#forget(next.user, next.share);
    }
  }

  /** One without work, so that nothing stays behind of a model that is closed. */
  #forget(user: SlotUser, { running }: Share): void {
    if (running === 0 && user.dueMs === undefined) this.#shares.delete(user);
  }

  /** Those that have passed have nothing to start. */
  #next(passed: ReadonlySet<SlotUser>) {
    let leastMs = Number.POSITIVE_INFINITY;
    for (const [user, { usedMs }] of this.#shares) {
      if (usedMs < leastMs && !passed.has(user) && user.dueMs !== undefined) leastMs = usedMs;
    }
    let next: { user: SlotUser; share: Share; dueMs: number } | undefined;
    for (const [user, share] of this.#shares) {
      const { dueMs } = user;
      if (dueMs === undefined || share.usedMs > leastMs + EVEN_MS || passed.has(user)) continue;
      if (!next || dueMs < next.dueMs) next = { user, share, dueMs };
    }
    return next;
  }
}
