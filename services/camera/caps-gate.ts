import type { Caps } from "./caps.ts";

/**
 * Keeps frames back until it is known what they are: GStreamer tells its caps in a line of text, which may come later
 * than the first frame. What waits is bounded by the blocks that frames are read into.
 */
export class CapsGate {
  readonly #limitMs: number;
  readonly #onLate: () => void;
  readonly #waiting: (() => void)[] = [];
  #caps: Caps | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onLate` is called when something has waited for `limitMs`. */
  constructor(limitMs: number, onLate: () => void) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
  }

  get caps(): Caps | undefined {
    return this.#caps;
  }

  set(caps: Caps): void {
    this.#caps = caps;
    this.#open();
  }

  /** For the next child; what still waits is let through as it is. */
  reset(caps: Caps | undefined): void {
    this.#open();
    this.#caps = caps;
  }

  pass(then: () => void): void {
    if (this.#caps && this.#waiting.length === 0) {
      then();
    } else {
      this.#waiting.push(then);
      this.#timer ??= setTimeout(this.#onLate, this.#limitMs);
    }
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const then of this.#waiting.splice(0)) then();
  }
}
