import { isDeepStrictEqual } from "node:util";
import type { CameraLine, LineOptions } from "./camera-line.ts";

/** What a change did, by camera. */
export interface Changes {
  started: string[];
  stopped: string[];
}

/** The camera lines of a device, and how they become others while the device runs. */
export class Lines {
  #lines = new Map<string, CameraLine>();
  readonly #ended = Promise.withResolvers<void>();

  /** Settles when every line has come to its end by itself. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** What `of` gives of each line, by camera; lines of which it gives nothing are left out. */
  each<T>(of: (line: CameraLine) => T | undefined): Readonly<Record<string, T>> {
    const found = [...this.#lines].map(([id, line]) => [id, of(line)] as const);
    return Object.fromEntries(found.filter((entry): entry is [string, T] => entry[1] !== undefined));
  }

  /**
   * Lines as `wanted` has them. One whose options are the same goes on untouched; a new one is opened before an old
   * one is stopped, so that a failure changes nothing, and started after, as both may be of one device.
   */
  async change(wanted: readonly LineOptions[], make: (options: LineOptions) => CameraLine): Promise<Changes> {
    const isKept = (options: LineOptions) => isDeepStrictEqual(this.#lines.get(options.id)?.options, options);
    const added = wanted.filter((options) => !isKept(options)).map(make);
    await Promise.all(added.map((line) => line.open()));
    const kept = wanted.filter(isKept).map(({ id }) => id);
    const gone = [...this.#lines.values()].filter(({ options }) => !kept.includes(options.id));
    const next = [...this.#lines.values()].filter((line) => !gone.includes(line)).concat(added);
    this.#lines = new Map(next.map((line) => [line.options.id, line]));
    await Promise.all(gone.map((line) => line.stop()));
    for (const line of added) this.#start(line);
    return {
      started: added.map(({ options }) => options.id),
      stopped: gone.map(({ options }) => options.id),
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.stop()));
  }

  #start(line: CameraLine): void {
    line.start();
    void line.ended.then(() => {
      // One that was taken out says nothing of the others.
      if (this.#lines.get(line.options.id) !== line) return;
      if ([...this.#lines.values()].every(({ hasEnded }) => hasEnded)) this.#ended.resolve();
    });
  }
}
