/** Small, seeded and the same everywhere (mulberry32): numbers from 0 up to but not including 1. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Changes `text` in one to four places: cuts, copies, moves, and inserts of `tokens`. */
export function mutate(text: string, tokens: readonly string[], random: () => number): string {
  let mutated = text;
  for (let left = 1 + Math.floor(random() * 4); left > 0; left--) {
    const from = Math.floor(random() * mutated.length);
    const to = Math.min(mutated.length, from + Math.floor(random() ** 3 * 40));
    const piece = mutated.slice(from, to);
    const token = tokens[Math.floor(random() * tokens.length)] ?? "";
    const inserts = ["", token, piece + piece, token + piece, piece.split("").reverse().join("")];
    mutated = mutated.slice(0, from) + inserts[Math.floor(random() * inserts.length)] + mutated.slice(to);
  }
  return mutated;
}
