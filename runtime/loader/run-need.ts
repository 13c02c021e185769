/** What runs of one model need for tensors between layers. */
export interface RunNeed {
  /** Of one run, with as many frames as it may take. */
  activationBytes: number;
  /** Runs that may be under way side by side. */
  atOnce: number;
}

/** The most that runs on `slots` slots can need together, whichever of the models they are of. */
export function peakOf(needs: readonly RunNeed[], slots: number): number {
  const runs = needs.flatMap(({ activationBytes, atOnce }) =>
    Array.from({ length: Math.min(atOnce, slots) }, () => activationBytes),
  );
  const largest = runs.sort((a, b) => b - a).slice(0, slots);
  return largest.reduce((sum, bytes) => sum + bytes, 0);
}
