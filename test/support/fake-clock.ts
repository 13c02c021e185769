import type { Clock } from "../../runtime/base/clock.ts";

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  ns = 0n;
  ms = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

  nowNs = (): bigint => this.ns;
  wallMs = (): number => this.ms;

  /** Both clocks. */
  advance(ms: number): void {
    this.ns += BigInt(Math.round(ms * 1e6));
    this.ms += ms;
  }
}
