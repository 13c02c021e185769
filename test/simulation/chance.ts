import { randomFrom } from "../fuzz/random.ts";

/** Choices that follow from a seed alone. */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** True in one of so many cases. */
  oneIn(cases: number): boolean {
    return this.#random() * cases < 1;
  }

  between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }

  /** Both ends included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  oneOf<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  }
}
