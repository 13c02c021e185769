/** Intervals that a beat is made of. */
const WINDOW = 8;
/** A source is regular when no interval is further off their median. */
const JITTER_MAX = 0.1;
/** One that misses so many beats has ended. */
const MISSED_MAX = 3;

interface Source {
  lastMs: number;
  intervalsMs: number[];
}

/** Cameras have a beat: from when their last frames came follows when the next one does. */
export class Beats {
  readonly #sources = new Map<string, Source>();

  observe(source: string, atMs: number): void {
    const known = this.#sources.get(source);
    if (!known) {
      this.#sources.set(source, { lastMs: atMs, intervalsMs: [] });
      return;
    }
    known.intervalsMs.push(atMs - known.lastMs);
    if (known.intervalsMs.length > WINDOW) known.intervalsMs.shift();
    known.lastMs = atMs;
  }

  /** Of all regular sources the first arrival after `nowMs`; undefined while none is regular. */
  nextAfter(nowMs: number): number | undefined {
    let nextMs: number | undefined;
    for (const [name, source] of this.#sources) {
      const beatMs = beatOf(source);
      if (beatMs === undefined) continue;
      const dueMs = source.lastMs + beatMs;
      if (nowMs > source.lastMs + MISSED_MAX * beatMs) this.#sources.delete(name);
      else if (dueMs > nowMs && !(nextMs !== undefined && nextMs < dueMs)) nextMs = dueMs;
    }
    return nextMs;
  }
}

function beatOf({ intervalsMs }: Source): number | undefined {
  if (intervalsMs.length < WINDOW) return undefined;
  const medianMs = intervalsMs.toSorted((a, b) => a - b)[WINDOW / 2] ?? 0;
  const isRegular = intervalsMs.every((each) => Math.abs(each - medianMs) <= JITTER_MAX * medianMs);
  return isRegular && medianMs > 0 ? medianMs : undefined;
}
