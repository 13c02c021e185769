/**
 * The pause before attempt `failures` + 1, doubling from `min` to `max`. The random part, between half and all of it,
 * keeps a hall of devices from knocking at a restarted broker in step. `random`: [0, 1).
 */
export function backOffMs(
  failures: number,
  { min, max }: { min: number; max: number },
  random: number,
): number {
  const pauseMs = Math.min(max, min * 2 ** Math.min(failures, 30));
  return Math.round(pauseMs * (0.5 + random / 2));
}
