import { type Clock, msBetween } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import type { Kernels, Rect } from "../native/index.ts";
import type { Scheduled, SubmitOptions } from "../scheduler/scheduler.ts";
import type { Lease } from "../tensor/buffer-pool.ts";
import type { NamedTensors } from "../tensor/tensor.ts";
import type { Candidate } from "./decode/candidate.ts";
import { type Decoder, decode } from "./decode/decode.ts";
import type { Box, Detection, Keypoint } from "./detection.ts";
import { type Fit, fitInto, type Size, toSource } from "./fit.ts";
import type { Picture } from "./frame.ts";
import type { FrameLayout, FrameTensors } from "./frame-tensors.ts";
import { type Cut, fillTensor, type ModelInput } from "./preprocess.ts";
import { shareKey } from "./share-key.ts";
import { decodeStill } from "./still-image.ts";
import type { Timing } from "./timing.ts";

export interface VisionModelOptions {
  name: string;
  version: string;
  sha256: string;
  input: ModelInput;
  decoder: Decoder;
  labels: readonly string[];
}

/** Beyond its deadline a request is dropped with ERR_DEADLINE instead of run. */
export interface DetectOptions extends SubmitOptions {
  /** 0 to 1; detections below are not reported. */
  minScore: number;
  /** The part of a raw picture to look at; all of it when left out. */
  area?: Rect | undefined;
}

export interface Seen {
  detections: readonly Detection[];
  /** Undefined when the picture could not be read. */
  source: Size | undefined;
  timing: Timing;
}

interface Deps {
  clock: Clock;
  kernels: Kernels;
  scheduler: { submit(frame: FrameTensors, options: SubmitOptions): Promise<Scheduled<NamedTensors>> };
  /** A buffer for each frame in flight. */
  pool: { lease(): Lease | undefined };
  layout: FrameLayout;
}

/** A model as pipelines see it: a picture in, detections in pixels of that picture out. */
export class VisionModel {
  readonly options: VisionModelOptions;
  readonly #deps: Deps;

  constructor(deps: Deps, options: VisionModelOptions) {
    this.#deps = deps;
    this.options = options;
  }

  /**
   * Errors: those of `decodeStill`, `fillTensor` and `Scheduler.submit`, ERR_QUEUE_FULL when no buffer is free,
   * ERR_MODEL_IO.
   */
  async detect(picture: Picture, options: DetectOptions): Promise<Seen> {
    const { clock, kernels, layout, pool, scheduler } = this.#deps;
    const { input, decoder } = this.options;
    const begunNs = clock.nowNs();
    const { cut, source } = await this.#cut(picture, options.area);
    const lease = pool.lease();
    if (!lease) throw new SightlineError("ERR_QUEUE_FULL", "no buffer is free");
    try {
      const tensors = layout.over(lease.buffer);
      await fillTensor(kernels, input, cut, tensors.input);
      const queuedNs = clock.nowNs();
      const { output, startedNs } = await scheduler.submit(
        { ...tensors, shareKey: shareKey(picture, options.area, input) },
        options,
      );
      const ranNs = clock.nowNs();
      const { left, top, ...seen } = options.area ?? { left: 0, top: 0, ...source };
      const fit = fitInto(seen, input, input.resize);
      const candidates = await decode(kernels, decoder, output, options.minScore, input);
      const detections = candidates.map((c) => ({
        label: this.options.labels[c.classId] ?? `class ${c.classId}`,
        classId: c.classId,
        score: c.score,
        box: moved(toSource(fit, c.box), left, top),
        ...extras(c, fit, { left, top }),
      }));
      const timing = {
        pre: msBetween(begunNs, queuedNs),
        queue: msBetween(queuedNs, startedNs),
        infer: msBetween(startedNs, ranNs),
        post: msBetween(ranNs, clock.nowNs()),
      };
      return { detections, source, timing };
    } finally {
      lease.release();
    }
  }

  /** A still is decoded to the model's size; a camera's pixels are resized on their way into the tensor. */
  async #cut(picture: Picture, area: Rect | undefined): Promise<{ cut: Cut; source: Size }> {
    if (picture.encoding === "raw") {
      const { height, width } = picture;
      const whole = { left: 0, top: 0, width, height };
      return { cut: { picture, area: area ?? whole }, source: { width, height } };
    }
    const { input } = this.options;
    const { pixels, source } = await decodeStill(picture.bytes, { ...input, padValue: input.pad_value });
    const { height, width } = pixels;
    return { cut: { picture: pixels, area: { left: 0, top: 0, width, height } }, source };
  }
}

/** Area and keypoints, where the model gives them, in the picture's pixels. */
function extras({ areaPx, keypoints }: Candidate, fit: Fit, { left, top }: { left: number; top: number }) {
  const { place, source } = fit;
  const scale = (source.width * source.height) / (place.width * place.height);
  const points = keypoints?.map(({ at: [x, y], score }): Keypoint => {
    const [px, py] = toSource(fit, [x, y, x, y]);
    return { at: [px + left, py + top], score };
  });
  return { ...(areaPx !== undefined && { areaPx: areaPx * scale }), ...(points && { keypoints: points }) };
}

const moved = ([x1, y1, x2, y2]: Box, left: number, top: number): Box => [
  x1 + left,
  y1 + top,
  x2 + left,
  y2 + top,
];
