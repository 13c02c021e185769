import { InTurn } from "../../runtime/base/in-turn.ts";
import type { Kernels } from "../../runtime/native/index.ts";
import { countByLabel } from "../../runtime/pipeline/decide.ts";
import type { FrameQueue } from "../../runtime/pipeline/frame-queue.ts";
import type { Judged } from "../../runtime/pipeline/judged.ts";
import { ownPicture } from "../../runtime/pipeline/own-picture.ts";
import { buildResult, type InspectionResult, type Provenance } from "../../runtime/pipeline/result.ts";
import type { PushSource } from "../camera/push-source.ts";
import { PREVIEW_SIDE_MAX } from "../evidence/annotate.ts";
import type { EvidenceKeeper, Kept } from "../evidence/evidence-keeper.ts";
import { type HeldPicture, PictureHold } from "../evidence/picture-hold.ts";
import type { LiveView } from "../http/live-view.ts";
import type { Outbox } from "../outbox/outbox.ts";

export type StoredResult = InspectionResult & { seq: number };

export interface RecorderOptions {
  pipeline: string;
  provenance: Provenance;
  /** Frames that the pipeline may have in flight. */
  framesMax: number;
}

interface Deps {
  kernels: Kernels;
  outbox: Pick<Outbox, "append">;
  /** Undefined where no pictures are kept. */
  evidence: EvidenceKeeper | undefined;
  /** Where this pipeline's frames are shown. */
  live: LiveView | undefined;
  onResult(result: InspectionResult): void;
  /** The camera, when its frames have senders who wait for an answer. */
  pushed: PushSource<StoredResult> | undefined;
}

const NO_EVIDENCE: Kept = { links: [], error: null };

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
    deps.pushed?.answeredBy(options.pipeline);
  }

  /** The frames for the pipeline, whose pictures stay until their verdicts are here. */
  holding(frames: FrameQueue): FrameQueue {
    return this.#hold.over(frames);
  }

  /** Runs up to `conclude` before it returns, so in the order of the frames. Errors: ERR_STORE_*. */
  async record(results: readonly Judged[], frameId: number): Promise<void> {
    const stored = Promise.all(results.map((judged) => this.#recordOne(judged)));
    this.#deps.pushed?.conclude(this.#options.pipeline, frameId, stored);
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
  #keepPictures(result: InspectionResult, judged: Judged, held: HeldPicture | undefined): Promise<Kept> {
    if (!held) return Promise.resolve(NO_EVIDENCE);
    const { evidence, kernels, live } = this.#deps;
    const copies: Promise<unknown>[] = [];
    const own = (sideMax?: number) => {
      const copy = ownPicture(kernels, held.picture, sideMax);
      copies.push(copy);
      return copy;
    };
    const { id, ts_ms: capturedAtMs, verdict } = result;
    const { detections, source } = judged;
    const subject = { id, verdict, capturedAtMs, picture: held.picture, detections, source };
    const kept = evidence?.keep(subject, own) ?? Promise.resolve(NO_EVIDENCE);
    if (source) live?.show({ result, source, detections }, () => own(PREVIEW_SIDE_MAX));
    void Promise.allSettled(copies).then(held.release);
    return kept;
  }

  async #store(result: InspectionResult, judged: Judged, { error, links }: Kept): Promise<StoredResult> {
    const { id, pipeline, verdict } = result;
    const payload = { ...result, evidence: links, evidence_error: error };
    const defects = countByLabel(judged.decision.failing);
    const seq = await this.#deps.outbox.append({ pipeline, id, verdict, defects, payload });
    this.#deps.onResult(result);
    return { ...payload, seq };
  }
}
