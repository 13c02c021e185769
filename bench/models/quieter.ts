import type { Result } from "../bench.ts";

/** Two signals in dB over their noise; the ratio is that of the noises' amplitudes, and `gainDb` its goal. */
export function quieter(
  name: string,
  { ours, theirs }: { ours: number; theirs: number },
  gainDb: number,
): Result {
  const times = (db: number): number => 10 ** (db / 20);
  const goal = `≥ ${times(gainDb).toFixed(2)}× (${gainDb} dB)`;
  return {
    case: name,
    unit: "dB",
    ours,
    theirs,
    ratio: times(ours - theirs),
    goal,
    ok: ours - theirs >= gainDb,
  };
}
