/** When requests come, in milliseconds, in order. Each function gives the same for the same seed. */
export interface Arrival {
  atMs: number;
  /** Cameras have a number; 0 where nobody tells them apart. */
  camera: number;
}

type Random = () => number;

/**
 * What came once: a time in milliseconds a line, in order, and behind a comma or blank the number of its camera. Lines of
 * `sightline trace -f json` do as well: then requests of one batch are taken to have come with its first. Errors: a line
 * that is neither.
 */
export function recorded(text: string): Arrival[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const all = lines.flatMap((line, i) => {
    const arrivals = line.startsWith("{") ? ofBatch(JSON.parse(line)) : [ofNumbers(line)];
    if (arrivals.every(({ atMs, camera }) => Number.isFinite(atMs) && Number.isInteger(camera)))
      return arrivals;
    throw new Error(`line ${i + 1} is no time of arrival: ${line.slice(0, 80)}`);
  });
  const sorted = all.toSorted((a, b) => a.atMs - b.atMs);
  const startMs = sorted[0]?.atMs ?? 0;
  return sorted.map(({ atMs, camera }) => ({ atMs: atMs - startMs, camera }));
}

function ofNumbers(line: string): Arrival {
  const [atMs = Number.NaN, camera = 0] = line
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  return { atMs, camera };
}

const ofBatch = ({ queuedMs, size, startedMs }: Record<string, number>): Arrival[] =>
  Array.from({ length: size ?? 0 }, () => ({ atMs: (startedMs ?? Number.NaN) - (queuedMs ?? 0), camera: 0 }));

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
