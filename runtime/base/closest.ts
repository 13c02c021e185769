/** The candidate that `word` was probably meant to be; undefined when none is near enough to suggest. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  const written = word.toLowerCase().slice(0, MAX_LENGTH);
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = editDistance(written, candidate.toLowerCase().slice(0, MAX_LENGTH));
    if (edits <= allowedEdits(candidate) && edits < (best?.edits ?? Infinity)) best = { candidate, edits };
  }
  return best?.candidate;
}

/** Names are short; beyond this the work would only serve nonsense. */
const MAX_LENGTH = 64;

const allowedEdits = (candidate: string): number => Math.max(1, Math.floor(candidate.length / 3));

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const replaced = at(last, j - 1) + (same ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const viaSwap = swapped ? at(beforeLast, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1, viaSwap));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

const at = (row: number[], index: number): number => row[index] ?? Infinity;
