/** Begins work in the order in which it was handed in, whatever becomes ready first. */
export class InTurn {
  #previous: Promise<unknown> = Promise.resolve();

  /** Calls `work` once `ready` has settled and everything handed in before has begun. */
  run<T, R>(ready: Promise<T>, work: (value: T) => Promise<R>): Promise<R> {
    // A failure is met in its turn.
    ready.catch(() => {});
    const turn = this.#previous.then(() => ready);
    this.#previous = turn.catch(() => {});
    return turn.then(work);
  }
}
