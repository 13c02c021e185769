/** Fewer make the rate of random arrivals waver by more than a tenth. */
const WINDOW = 256;

/** How many requests come in a millisecond, by the last that came. */
export class ArrivalRate {
  readonly #timesMs = new Float64Array(WINDOW);
  #count = 0;

  observe(atMs: number): void {
    this.#timesMs[this.#count++ % WINDOW] = atMs;
  }

  /** Undefined before two have come at different times. */
  get perMs(): number | undefined {
    const kept = Math.min(this.#count, WINDOW);
    const first = this.#timesMs[(this.#count - kept) % WINDOW] ?? 0;
    const last = this.#timesMs[(this.#count - 1 + WINDOW) % WINDOW] ?? 0;
    return kept > 1 && last > first ? (kept - 1) / (last - first) : undefined;
  }
}
