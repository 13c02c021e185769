import { type Box, type Detection, sharedArea } from "./detection.ts";

/** Something on a part that its frames show again and again, at its place on the part. */
interface Finding {
  best: Detection;
  /** From the part's left and top edge. */
  place: Box;
  votes: number;
  scores: number;
}

/** More on one part is noise; what comes later is not counted. */
const FINDINGS_MAX = 100;

/** Collects what the frames that show a part say about it. */
export class Part {
  readonly #labels = new Map<string, { sample: Detection; votes: number; scores: number }>();
  readonly #findings: Finding[] = [];
  #frames = 0;

  /** One frame's word on what the part is. */
  vote(seen: Detection): void {
    this.#frames += 1;
    const known = this.#labels.get(seen.label) ?? { sample: seen, votes: 0, scores: 0 };
    if (seen.score > known.sample.score) known.sample = seen;
    this.#labels.set(seen.label, { ...known, votes: known.votes + 1, scores: known.scores + seen.score });
  }

  /** A finding of one frame, which has the part at `box`. */
  add(finding: Detection, [left, top]: Box): void {
    const place = moved(finding.box, -left, -top);
    const known = this.#findings.find(
      ({ best, place: at }) => best.label === finding.label && sharedArea(at, place) > 0,
    );
    if (known) {
      known.votes += 1;
      known.scores += finding.score;
      if (finding.score > known.best.score) Object.assign(known, { best: finding, place });
    } else if (this.#findings.length < FINDINGS_MAX) {
      this.#findings.push({ best: finding, place, votes: 1, scores: finding.score });
    }
  }

  /** The part by the votes of its frames, then the findings that enough of them show, as if all were at `box` now. */
  verdict(box: Box, minVotes: number): Detection[] {
    const ranked = [...this.#labels.values()].sort((a, b) => b.scores - a.scores);
    const part = ranked
      .slice(0, 1)
      .map(({ sample, scores, votes }) => ({ ...sample, score: scores / votes, box }));
    const findings = this.#findings
      .filter(({ votes }) => votes >= minVotes * this.#frames)
      .map(({ best, place, scores, votes }) => ({
        ...best,
        score: scores / votes,
        box: moved(place, box[0], box[1]),
      }));
    return [...part, ...findings];
  }
}

const moved = ([x1, y1, x2, y2]: Box, dx: number, dy: number): Box => [x1 + dx, y1 + dy, x2 + dx, y2 + dy];
