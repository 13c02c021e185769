import type { Clock } from "../../runtime/base/clock.ts";

interface Timer {
  dueMs: number;
  order: number;
  call(): void;
}

/** A task that the event loop runs after everything which is ready now. */
const nextTurn = globalThis.setImmediate;

/**
 * Time that passes only when nothing is left to do: what waits for a timer is woken in the order of the timers. While it
 * is installed, it also stands behind `setTimeout` and `clearTimeout`.
 */
export class VirtualTime implements Clock {
  nowMs = 0;
  readonly #timers = new Set<Timer>();
  #order = 0;

  nowNs = (): bigint => BigInt(Math.round(this.nowMs * 1e6));
  wallMs = (): number => Date.UTC(2026, 0, 1) + this.nowMs;

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#add(ms, resolve);
    });
  }

  /** Returns a function that puts the real timers back. */
  install(): () => void {
    const { setTimeout, clearTimeout } = globalThis;
    const fakeSetTimeout = (call: () => void, ms = 0) => {
      const timer = { ...this.#add(ms, call), unref: () => timer, ref: () => timer };
      this.#handles.set(timer, timer.of);
      return timer;
    };
    const fakeClearTimeout = (handle: object | undefined) => {
      const timer = handle && this.#handles.get(handle);
      if (timer) this.#timers.delete(timer);
    };
    Object.assign(globalThis, { setTimeout: fakeSetTimeout, clearTimeout: fakeClearTimeout });
    return () => Object.assign(globalThis, { setTimeout, clearTimeout });
  }

  readonly #handles = new WeakMap<object, Timer>();

  /** Runs what is ready and lets time pass, until `isDone` or nothing more will ever happen. */
  async run(isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      await new Promise((resolve) => nextTurn(resolve));
      if (isDone()) return;
      const next = this.#next();
      if (!next) return;
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.call();
    }
  }

  #add(ms: number, call: () => void): { of: Timer } {
    const timer = { dueMs: this.nowMs + Math.max(0, ms), order: this.#order++, call };
    this.#timers.add(timer);
    return { of: timer };
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}
