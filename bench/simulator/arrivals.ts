/** When requests come, in milliseconds, in order. Each function gives the same for the same seed. */
export interface Arrival {
  atMs: number;
  /** Cameras have a number; 0 where nobody tells them apart. */
  camera: number;
}

type Random = () => number;

/** Independent of each other, `ratePerMs` on the mean. */
export function poisson(count: number, ratePerMs: number, random: Random): Arrival[] {
  let atMs = 0;
  return Array.from({ length: count }, () => {
    atMs -= Math.log(1 - random()) / ratePerMs;
    return { atMs, camera: 0 };
  });
}

/** Cameras of one frame rate, each with a phase of its own; a frame is up to `jitterMs` late. */
export function cameras(
  count: number,
  { cameras: each, fps, jitterMs }: { cameras: number; fps: number; jitterMs: number },
  random: Random,
): Arrival[] {
  const periodMs = 1_000 / fps;
  const phases = Array.from({ length: each }, () => random() * periodMs);
  return Array.from({ length: count }, (_, i) => {
    const camera = i % each;
    const beat = Math.floor(i / each) * periodMs;
    return { atMs: beat + (phases[camera] ?? 0) + random() * jitterMs, camera };
  }).sort((a, b) => a.atMs - b.atMs);
}

/** `size` requests at once, `ratePerMs` on the mean. */
export function bursts(
  count: number,
  { ratePerMs, size }: { ratePerMs: number; size: number },
  random: Random,
): Arrival[] {
  const starts = poisson(Math.ceil(count / size), ratePerMs / size, random);
  return starts
    .flatMap(({ atMs }) => Array.from({ length: size }, () => ({ atMs, camera: 0 })))
    .slice(0, count);
}
