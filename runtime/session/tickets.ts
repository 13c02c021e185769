/** Numbers for an engine's promises; each is unique for as long as 2³² others are not taken after it. */
export class Tickets {
  #next = 0;

  take(): number {
    const ticket = this.#next;
    this.#next = (this.#next + 1) >>> 0;
    return ticket;
  }
}
