import { centreOf, type Detection, type Point } from "../detection.ts";
import type { Judged } from "../judged.ts";
import { Part } from "../part.ts";
import { type Track, Tracker } from "../tracker.ts";
import type { JudgingStage } from "./stage.ts";

export interface TrackOptions {
  /** What a part is; everything else is a finding on one. Every detection is a part when left out. */
  labels?: readonly string[] | undefined;
  /** A part is judged when its centre crosses it; when it has left the view where there is none. */
  line?: readonly [Point, Point] | undefined;
  min_frames: number;
  max_missed: number;
  /** 0 to 1. */
  min_iou: number;
  min_votes: number;
}

/** What is known of a track beside its place. */
interface Followed {
  part: Part;
  hasCrossed: boolean;
  isJudged: boolean;
}

/** Judges parts, not frames: each part once, by the votes of the frames that showed it. */
export class TrackStage implements JudgingStage {
  readonly kind = "judging";
  readonly #options: TrackOptions;
  readonly #tracker: Tracker;
  readonly #followed = new Map<Track, Followed>();
  /** Frames that failed since the last one that did not; their parts moved on all the same. */
  #failed = 0;

  constructor(options: TrackOptions) {
    this.#options = options;
    this.#tracker = new Tracker({
      minIou: options.min_iou,
      minFrames: options.min_frames,
      maxMissed: options.max_missed,
    });
  }

  /** Tracks of which something is remembered. */
  get following(): number {
    return this.#followed.size;
  }

  judge(judged: Judged): readonly Judged[] {
    const { labels } = this.#options;
    const isPart = (d: Detection) => labels === undefined || labels.includes(d.label);
    const parts = judged.detections.filter(isPart);
    const steps = 1 + judged.frame.dropsBefore + this.#failed;
    this.#failed = 0;
    const { ended, seen } = this.#tracker.update(
      parts.map(({ box }) => box),
      steps,
    );
    for (const [track, i] of seen) this.#vote(track, parts[i]);
    for (const finding of judged.detections.filter((d) => !isPart(d))) this.#assign(finding);
    const due = [...this.#gone(ended), ...this.#crossing()];
    return due.map((track) => this.#verdict(track, judged));
  }

  missed({ frame }: Judged): void {
    this.#failed += 1 + frame.dropsBefore;
  }

  #vote(track: Track, seen: Detection | undefined): void {
    const followed = this.#followed.get(track) ?? { part: new Part(), hasCrossed: false, isJudged: false };
    this.#followed.set(track, followed);
    if (seen) followed.part.vote(seen);
  }

  #assign(finding: Detection): void {
    const [x, y] = centreOf(finding.box);
    const owner = [...this.#followed].find(
      ([{ box }]) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3],
    );
    owner?.[1].part.add(finding, owner[0].box);
  }

  /**
   * Parts that have crossed the line, seen often enough, and seen again since: a track that lost its part goes on
   * straight ahead for a while and would be counted beside the one that found it.
   */
  #crossing(): Track[] {
    const { line, min_frames } = this.#options;
    if (!line) return [];
    return [...this.#followed].flatMap(([track, followed]) => {
      followed.hasCrossed ||= cross(track.path, line);
      const isSure = track.frames >= min_frames && track.missed === 0;
      return followed.hasCrossed && isSure && !followed.isJudged ? [track] : [];
    });
  }

  /** Forgets the tracks that ended; without a line they are judged now. */
  #gone(ended: readonly Track[]): Track[] {
    const { line, min_frames } = this.#options;
    return ended.filter((track) => {
      const isDue = line === undefined && track.frames >= min_frames;
      if (!isDue) this.#followed.delete(track);
      return isDue;
    });
  }

  #verdict(track: Track, judged: Judged): Judged {
    const followed = this.#followed.get(track);
    const detections = followed?.part.verdict(track.box, this.#options.min_votes) ?? [];
    if (followed) followed.isJudged = true;
    if (!this.#tracker.tracks.includes(track)) this.#followed.delete(track);
    return { ...judged, detections, part: { track: track.id, frames: track.frames } };
  }
}

/** Whether two segments cross. */
function cross([a, b]: readonly [Point, Point], [c, d]: readonly [Point, Point]): boolean {
  return side(a, c, d) > 0 !== side(b, c, d) > 0 && side(c, a, b) > 0 !== side(d, a, b) > 0;
}

/** Positive on one side of the line through two points, negative on the other. */
const side = ([x, y]: Point, [x1, y1]: Point, [x2, y2]: Point): number =>
  (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1);
