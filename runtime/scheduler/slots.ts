/** A model's queue, as the slots see it. */
export interface Contender {
  /** With twice the weight of another it gets twice the time while both have work. */
  readonly weight: number;
  /** When its most urgent request is due, on a monotonic clock; undefined when it has nothing to start now. */
  readonly dueMs: number | undefined;
  /** Starts a batch on the slot and gives it back when that has ended. False when there was none to start after all. */
  start(slot: number): boolean;
}

/** A contender's place among the others. */
export interface Seat {
  /** Something may have become ready to start. */
  ask(): void;
  /** The slot is free again; `usedMs` counts against whom it was lent to. */
  giveBack(slot: number, usedMs: number): void;
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
  readonly #shares = new Map<Contender, Share>();
  /** Share of whoever was served last, which is where one that comes back goes on. */
  #servedMs = 0;

  constructor(count: number) {
    this.#idle = Array.from({ length: count }, (_, i) => count - 1 - i);
  }

  join(contender: Contender): Seat {
    const share = { usedMs: this.#servedMs, running: 0 };
    return {
      ask: () => {
        if (!this.#shares.has(contender)) {
          share.usedMs = Math.max(share.usedMs, this.#servedMs);
          this.#shares.set(contender, share);
        }
        this.#lend();
        this.#forget(contender, share);
      },
      giveBack: (slot, usedMs) => {
        share.usedMs += usedMs / contender.weight;
        share.running--;
        this.#idle.push(slot);
        this.#lend();
        this.#forget(contender, share);
      },
    };
  }

  #lend(): void {
    const passed = new Set<Contender>();
    while (this.#idle.length > 0) {
      const next = this.#next(passed);
      const slot = next && this.#idle.pop();
      if (next === undefined || slot === undefined) return;
      next.share.running++;
      this.#servedMs = Math.max(this.#servedMs, next.share.usedMs);
      if (next.contender.start(slot)) continue;
      next.share.running--;
      this.#idle.push(slot);
      passed.add(next.contender);
      this.#forget(next.contender, next.share);
    }
  }

  /** One without work, so that nothing stays behind of a model that is closed. */
  #forget(contender: Contender, { running }: Share): void {
    if (running === 0 && contender.dueMs === undefined) this.#shares.delete(contender);
  }

  /** Those that have passed have nothing to start. */
  #next(passed: ReadonlySet<Contender>) {
    let leastMs = Number.POSITIVE_INFINITY;
    for (const [contender, { usedMs }] of this.#shares) {
      if (usedMs < leastMs && !passed.has(contender) && contender.dueMs !== undefined) leastMs = usedMs;
    }
    let next: { contender: Contender; share: Share; dueMs: number } | undefined;
    for (const [contender, share] of this.#shares) {
      const { dueMs } = contender;
      if (dueMs === undefined || share.usedMs > leastMs + EVEN_MS || passed.has(contender)) continue;
      if (!next || dueMs < next.dueMs) next = { contender, share, dueMs };
    }
    return next;
  }
}
