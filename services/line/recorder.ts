import type { ErrorRecord } from "../../runtime/base/errors.ts";
import { InTurn } from "../../runtime/base/in-turn.ts";
import type { Verdict } from "../../runtime/pipeline/decide.ts";
import { countByLabel } from "../../runtime/pipeline/decide.ts";
import type { Detection } from "../../runtime/pipeline/detection.ts";
import type { Size } from "../../runtime/pipeline/fit.ts";
import type { Picture } from "../../runtime/pipeline/frame.ts";
import type { FrameQueue } from "../../runtime/pipeline/frame-queue.ts";
import type { Judged } from "../../runtime/pipeline/judged.ts";
import {
  buildResult,
  type EvidenceLink,
  type InspectionResult,
  type Provenance,
} from "../../runtime/pipeline/result.ts";
import { type HeldPicture, PictureHold } from "./picture-hold.ts";

export type StoredResult = InspectionResult & { seq: number };

export interface RecorderOptions {
  pipeline: string;
  provenance: Provenance;
  /** Frames that the pipeline may have in flight. */
  framesMax: number;
}

/** Where results are stored. Errors: ERR_STORE_*. */
export interface ResultStore {
  append(result: {
    pipeline: string;
    id: string;
    verdict: Verdict;
    defects: Record<string, number>;
    payload: object;
  }): Promise<number>;
}

/** What a result may say of the pictures that were kept of its frame. */
export interface KeptPictures {
  links: readonly EvidenceLink[];
  error: ErrorRecord | null;
}

/** A judged frame whose pictures may be kept. */
export interface EvidenceSubject {
  id: string;
  verdict: Verdict;
  capturedAtMs: number;
  picture: Picture;
  source: Size | undefined;
  detections: readonly Detection[];
}

/** Keeps pictures of what was judged. `own` copies the picture; it is called at once, or not at all. Never rejects. */
export interface EvidenceSink {
  keep(subject: EvidenceSubject, own: () => Promise<Picture>): Promise<KeptPictures>;
}

/** Shows judged frames to whoever watches; `own` as for evidence. */
export interface LiveSink {
  show(
    shown: { result: InspectionResult; source: Size; detections: readonly Detection[] },
    own: () => Promise<Picture>,
  ): void;
  end(): void;
}

/** Senders of frames, who wait for an answer. */
export interface FrameSenders {
  answeredBy(pipeline: string): void;
  notAnsweredBy(pipeline: string): void;
  /** To be called in the order of the frames. */
  conclude(pipeline: string, frameId: number, results: Promise<readonly StoredResult[]>): void;
  end(): void;
}

interface Deps {
  store: ResultStore;
  evidence: EvidenceSink;
  /** Where this pipeline's frames are shown; undefined for those that are not. */
  live(): LiveSink | undefined;
  senders: FrameSenders | undefined;
  /** Copies a picture, shrunk to `sideMax` where that is given. */
  copy(picture: Picture, sideMax?: number): Promise<Picture>;
  /** Longer side of a picture that is shown. */
  liveSideMax: number;
  onResult(result: InspectionResult): void;
}

const NO_PICTURES: KeptPictures = { links: [], error: null };

/**
 * What becomes of one pipeline's verdicts: their pictures are kept and shown, their results stored in the order of
 * the frames, and whoever sent a frame is answered.
 */
export class Recorder {
  readonly #deps: Deps;
  readonly #options: RecorderOptions;
  readonly #hold: PictureHold;
  readonly #turns = new InTurn();

  constructor(deps: Deps, options: RecorderOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#hold = new PictureHold(options.framesMax);
    deps.senders?.answeredBy(options.pipeline);
  }

  /** The frames for the pipeline, whose pictures stay until their verdicts are here. */
  holding(frames: FrameQueue): FrameQueue {
    return this.#hold.over(frames);
  }

  /** Runs up to `conclude` before it returns, so in the order of the frames. Errors: ERR_STORE_*. */
  async record(results: readonly Judged[], frameId: number): Promise<void> {
    const stored = Promise.all(results.map((judged) => this.#recordOne(judged)));
    this.#deps.senders?.conclude(this.#options.pipeline, frameId, stored);
    await stored;
  }

  /** After the last verdict. */
  end(): void {
    this.#hold.end();
  }

  #recordOne(judged: Judged): Promise<StoredResult> {
    const { pipeline, provenance } = this.#options;
    const result = buildResult(pipeline, judged, provenance);
    const kept = this.#keepPictures(result, judged, this.#hold.take(judged.frame.id));
    return this.#turns.run(kept, (evidence) => this.#store(result, judged, evidence));
  }

  /** Whoever wants the picture copies it at once; then the camera has its frame back. */
  #keepPictures(
    result: InspectionResult,
    judged: Judged,
    held: HeldPicture | undefined,
  ): Promise<KeptPictures> {
    if (!held) return Promise.resolve(NO_PICTURES);
    const { copy, evidence, live, liveSideMax } = this.#deps;
    const copies: Promise<unknown>[] = [];
    const own = (sideMax?: number) => {
      const copied = copy(held.picture, sideMax);
      copies.push(copied);
      return copied;
    };
    const { id, ts_ms: capturedAtMs, verdict } = result;
    const { detections, source } = judged;
    const kept = evidence.keep({ id, verdict, capturedAtMs, picture: held.picture, detections, source }, own);
    if (source) live()?.show({ result, source, detections }, () => own(liveSideMax));
    void Promise.allSettled(copies).then(held.release);
    return kept;
  }

  async #store(
    result: InspectionResult,
    judged: Judged,
    { error, links }: KeptPictures,
  ): Promise<StoredResult> {
    const { id, pipeline, verdict } = result;
    const payload = { ...result, evidence: links, evidence_error: error };
    const defects = countByLabel(judged.decision.failing);
    const seq = await this.#deps.store.append({ pipeline, id, verdict, defects, payload });
    this.#deps.onResult(result);
    return { ...payload, seq };
  }
}
