import { type Box, centreOf, iou, type Point } from "./detection.ts";

export interface TrackerOptions {
  /** Least overlap with where a track was expected, 0 to 1. */
  minIou: number;
  /** Sights that make a track sure; before that it ends sooner. */
  minFrames: number;
  /** Frames in a row that may miss a track before it ends. */
  maxMissed: number;
}

/** One thing followed over frames. */
export interface Track {
  /** Counts up from 1. */
  readonly id: number;
  /** Where it is, or where it must be by now when the last frames missed it. */
  box: Box;
  /** Centres before and after the last frame. */
  path: readonly [Point, Point];
  /** Pixels a frame. */
  velocity: Point;
  /** Frames that showed it, and how many have missed it since. */
  frames: number;
  missed: number;
}

export interface Update {
  /** Which box of the frame shows a track. */
  seen: Map<Track, number>;
  ended: Track[];
}

const TRACKS_MAX = 200;
/** Least gains for place and velocity: what a track has learnt may still change, but no single box throws it off. */
const [ALPHA_MIN, BETA_MIN] = [0.5, 0.1];

/**
 * Follows boxes from frame to frame (as SORT does, arXiv:1602.00763): each track expects its box a step further at
 * constant velocity, and the best overlaps are paired first. A step is a frame of the camera, dropped ones included.
 */
export class Tracker {
  readonly #options: TrackerOptions;
  #tracks: Track[] = [];
  #lastId = 0;

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  /** `steps`: frames since the last update, 1 when none was dropped. */
  update(boxes: readonly Box[], steps: number): Update {
    for (const track of this.#tracks) coast(track, steps);
    const seen = this.#pair(boxes);
    for (const [track, i] of seen) correct(track, boxes[i] ?? track.box);
    const ended = this.#tracks.filter((track) => this.#isOver(track));
    this.#tracks = this.#tracks.filter((track) => !ended.includes(track));
    const taken = new Set(seen.values());
    boxes.forEach((box, i) => {
      if (!taken.has(i) && this.#isNew(box)) seen.set(this.#begin(box), i);
    });
    return { seen, ended };
  }

  /** False detections seldom come twice in a row: a track that has just begun may miss fewer frames than it was seen. */
  #isOver({ frames, missed }: Track): boolean {
    const { maxMissed, minFrames } = this.#options;
    return missed > (frames < minFrames ? Math.min(frames - 1, maxMissed) : maxMissed);
  }

  /** Where a track already is, a second box is a second look at the same thing. */
  #isNew(box: Box): boolean {
    const isKnown = this.#tracks.some((track) => iou(track.box, box) > this.#options.minIou);
    return !isKnown && this.#tracks.length < TRACKS_MAX;
  }

  /** A pair for each track and box at most, best overlap first. */
  #pair(boxes: readonly Box[]): Map<Track, number> {
    const pairs = this.#tracks.flatMap((track) =>
      boxes.map((box, i) => ({ track, i, overlap: iou(track.box, box) })),
    );
    const seen = new Map<Track, number>();
    const taken = new Set<number>();
    for (const { i, overlap, track } of pairs.sort((a, b) => b.overlap - a.overlap)) {
      if (overlap <= 0 || overlap < this.#options.minIou) break;
      if (seen.has(track) || taken.has(i)) continue;
      seen.set(track, i);
      taken.add(i);
    }
    return seen;
  }

  #begin(box: Box): Track {
    const at = centreOf(box);
    const velocity = this.#commonVelocity();
    const track: Track = { id: ++this.#lastId, box, path: [at, at], velocity, frames: 1, missed: 0 };
    this.#tracks.push(track);
    return track;
  }

  /** What a conveyor carries moves alike: a newcomer is expected to move as the others do. */
  #commonVelocity(): Point {
    const known = this.#tracks.filter(({ frames }) => frames > 2);
    const mean = (axis: 0 | 1) => known.reduce((sum, { velocity }) => sum + velocity[axis], 0) / known.length;
    return known.length === 0 ? [0, 0] : [mean(0), mean(1)];
  }
}

/** One step further without having seen it. */
function coast(track: Track, steps: number): void {
  const [dx, dy] = [track.velocity[0] * steps, track.velocity[1] * steps];
  const [x1, y1, x2, y2] = track.box;
  track.box = [x1 + dx, y1 + dy, x2 + dx, y2 + dy];
  track.path = [track.path[1], centreOf(track.box)];
  track.missed += steps;
}

function correct(track: Track, seen: Box): void {
  const [before, expected] = track.path;
  const at = centreOf(seen);
  const off: Point = [at[0] - expected[0], at[1] - expected[1]];
  // The straight line that fits all sights best, until the gains are at their least (an alpha-beta filter).
  const n = track.frames + 1;
  const alpha = Math.max(ALPHA_MIN, (2 * (2 * n - 1)) / (n * (n + 1)));
  const beta = Math.max(BETA_MIN, 6 / (n * (n + 1)));
  const gain = beta / track.missed;
  track.velocity = [track.velocity[0] + gain * off[0], track.velocity[1] + gain * off[1]];
  const centre: Point = [expected[0] + alpha * off[0], expected[1] + alpha * off[1]];
  track.box = boxAround(centre, midSize(track.box, seen));
  track.path = [before, centre];
  track.frames += 1;
  track.missed = 0;
}

const midSize = (a: Box, b: Box): Point => [(a[2] - a[0] + b[2] - b[0]) / 2, (a[3] - a[1] + b[3] - b[1]) / 2];

const boxAround = ([x, y]: Point, [width, height]: Point): Box => [
  x - width / 2,
  y - height / 2,
  x + width / 2,
  y + height / 2,
];
