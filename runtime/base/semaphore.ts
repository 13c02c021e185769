export interface Permit {
  /** Whether all permits were taken when this one was asked for. */
  hasWaited: boolean;
  /** May be called twice. */
  release(): void;
}

/** So many permits, first come first served. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(permits: number) {
    this.#free = permits;
  }

  async acquire(): Promise<Permit> {
    const hasWaited = this.#free === 0;
    if (hasWaited) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else this.#free--;
    let isHeld = true;
    const release = () => {
      if (isHeld) this.#passOn();
      isHeld = false;
    };
    return { hasWaited, release };
  }

  /** The permit goes to whoever waits longest. */
  #passOn(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
