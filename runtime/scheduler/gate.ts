/** A place among those that are at work. */
export interface Admission {
  /** Whether all places were taken when it asked. */
  hasWaited: boolean;
  /** May be called twice. */
  leave(): void;
}

/**
 * Lets so many frames of all cameras be worked on at once, first come first served. With more, each would take longer, and
 * pictures would be decoded whose turn at a model comes too late.
 */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async enter(): Promise<Admission> {
    const hasWaited = this.#free === 0;
    if (hasWaited) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else this.#free--;
    let isInside = true;
    const leave = () => {
      if (isInside) this.#pass();
      isInside = false;
    };
    return { hasWaited, leave };
  }

  /** The place goes to whoever waits longest. */
  #pass(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
