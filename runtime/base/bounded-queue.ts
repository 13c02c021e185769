/** First in, first out, never longer than `capacity`: what to do when full is the caller's decision. */
export class BoundedQueue<T> {
  readonly capacity: number;
  #items: T[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#items.length;
  }

  get isFull(): boolean {
    return this.#items.length >= this.capacity;
  }

  /** False, and nothing changed, when the queue is full. */
  push(item: T): boolean {
    if (this.isFull) return false;
    this.#items.push(item);
    return true;
  }

  /** Adds `item`; when full, the oldest one leaves and is returned. */
  pushEvictingOldest(item: T): T | undefined {
    const evicted = this.isFull ? this.#items.shift() : undefined;
    this.#items.push(item);
    return evicted;
  }

  shift(): T | undefined {
    return this.#items.shift();
  }
}
