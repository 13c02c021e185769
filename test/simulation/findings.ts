/** What a simulation found to be wrong, in the order in which it was found; each kind is told once. */
export class Findings {
  readonly #found = new Map<string, string>();

  note(kind: string, detail: string): void {
    if (!this.#found.has(kind)) this.#found.set(kind, detail);
  }

  /** `kind: detail`, a line each. */
  get lines(): string[] {
    return [...this.#found].map(([kind, detail]) => `${kind}: ${detail}`);
  }
}
