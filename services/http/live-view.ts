import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../runtime/base/logger.ts";
import type { Detection } from "../../runtime/pipeline/detection.ts";
import type { Size } from "../../runtime/pipeline/fit.ts";
import type { Picture } from "../../runtime/pipeline/frame.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";

/** A judged frame that could be read. */
export interface Shown {
  result: InspectionResult;
  source: Size;
  detections: readonly Detection[];
}

/** What watchers get: a JPEG, and what was seen in it as JSON. */
export interface LivePicture {
  jpeg: Uint8Array;
  info: string;
}

export interface Watcher {
  /** With the boxes in the picture. */
  drawn: boolean;
  /** Resolves when there is room for the next. */
  send(live: LivePicture): Promise<void>;
  end(): void;
}

interface Deps {
  logger: Logger;
  encode(shown: Shown, picture: Picture, drawn: boolean): Promise<Uint8Array>;
}

/** More than ten a second serve nobody's eyes and cost the models their cores. */
const PERIOD_MS_MIN = 100;

/**
 * One camera's judged frames, for whoever watches: copied and encoded only while somebody does, once for all of them.
 * When frames come faster than they can be shown, the newest is.
 */
export class LiveView {
  readonly #deps: Deps;
  readonly #watchers = new Map<Watcher, Newest<LivePicture>>();
  #next: { shown: Shown; picture: Picture } | undefined;
  #copying = false;
  #encoding = false;
  encoded = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Returns a function that ends it. */
  watch(watcher: Watcher): () => void {
    this.#watchers.set(watcher, new Newest((live) => watcher.send(live)));
    return () => void this.#watchers.delete(watcher);
  }

  /** `own` makes a copy of the frame's picture; it is called at once, or not at all. */
  show(shown: Shown, own: () => Promise<Picture>): void {
    if (this.#watchers.size === 0 || this.#copying) return;
    this.#copying = true;
    own().then(
      (picture) => {
        this.#copying = false;
        this.#next = { shown, picture };
        if (!this.#encoding) void this.#encodeAll();
      },
      (error: unknown) => {
        this.#copying = false;
        this.#failed(error);
      },
    );
  }

  end(): void {
    for (const watcher of this.#watchers.keys()) watcher.end();
    this.#watchers.clear();
  }

  async #encodeAll(): Promise<void> {
    this.#encoding = true;
    for (let next = this.#next; next && this.#watchers.size > 0; next = this.#next) {
      this.#next = undefined;
      const due = sleep(PERIOD_MS_MIN, undefined, { ref: false });
      await this.#encode(next.shown, next.picture).catch((error: unknown) => this.#failed(error));
      await due;
    }
    this.#next = undefined;
    this.#encoding = false;
  }

  async #encode(shown: Shown, picture: Picture): Promise<void> {
    const info = JSON.stringify(infoOf(shown.result));
    for (const drawn of [true, false]) {
      if (!this.#watchers.keys().some((watcher) => watcher.drawn === drawn)) continue;
      const jpeg = await this.#deps.encode(shown, picture, drawn);
      this.encoded++;
      for (const [watcher, newest] of this.#watchers)
        if (watcher.drawn === drawn) newest.offer({ jpeg, info });
    }
  }

  #failed(error: unknown): void {
    this.#deps.logger.warn({ err: error }, "a frame could not be shown");
  }
}

/** Passes things on as fast as they are taken; of those that come meanwhile only the newest is kept. */
class Newest<T> {
  readonly #send: (item: T) => Promise<void>;
  #item: T | undefined;
  #sending = false;

  constructor(send: (item: T) => Promise<void>) {
    this.#send = send;
  }

  offer(item: T): void {
    this.#item = item;
    if (!this.#sending) void this.#run();
  }

  async #run(): Promise<void> {
    this.#sending = true;
    for (let item = this.#item; item !== undefined; item = this.#item) {
      this.#item = undefined;
      await this.#send(item).catch(() => {});
    }
    this.#sending = false;
  }
}

const infoOf = ({ detections, frame, id, part_id, pipeline, ts_ms, verdict }: InspectionResult) => ({
  id,
  pipeline,
  ts_ms,
  part_id,
  verdict,
  frame: { id: frame.id, w: frame.w, h: frame.h },
  detections: detections.map(({ box_px, fails, label, score }) => ({ label, score, box_px, fails })),
});
