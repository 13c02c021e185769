export interface LadderOptions {
  /** Degrees Celsius from which on a step is taken, and up to which one is taken back. */
  hot: number;
  cool: number;
  /** Least time between two steps: what was done has to show first. */
  holdMs: number;
  steps: number;
}

/** How many steps are taken while a processor is hot; between `cool` and `hot` nothing changes. */
export class ThermalLadder {
  readonly #options: LadderOptions;
  #level = 0;
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(options: LadderOptions) {
    this.#options = options;
  }

  get level(): number {
    return this.#level;
  }

  /** The level from now on. `nowMs` is monotonic. */
  observe(celsius: number, nowMs: number): number {
    const { cool, holdMs, hot, steps } = this.#options;
    if (nowMs - this.#changedMs < holdMs) return this.#level;
    const step = celsius >= hot ? 1 : celsius <= cool ? -1 : 0;
    const next = Math.max(0, Math.min(steps, this.#level + step));
    if (next !== this.#level) this.#changedMs = nowMs;
    this.#level = next;
    return next;
  }
}
