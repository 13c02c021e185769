import { isDeepStrictEqual } from "node:util";
import type { Line, LineOptions, LineSource, PreparedChange } from "./line.ts";

/** What a change did, by camera: lines that were made anew stand in both of `started` and `stopped`. */
export interface LineChanges {
  started: string[];
  stopped: string[];
  /** Those whose pipelines changed while their camera went on. */
  changed: string[];
}

export interface PreparedLines {
  apply(): Promise<LineChanges>;
  /** In place of `apply`, when something else cannot be changed. */
  discard(): Promise<void>;
}

/** The camera lines of a device, and how they become others while the device runs. */
export class Lines<S extends LineSource> {
  readonly #make: (options: LineOptions) => Line<S>;
  #lines = new Map<string, Line<S>>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(make: (options: LineOptions) => Line<S>) {
    this.#make = make;
  }

  /** Settles when every line has come to its end by itself. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** What `of` gives of each line's source, by camera; lines of which it gives nothing are left out. */
  each<T>(of: (source: S) => T | undefined): Readonly<Record<string, T>> {
    const found = [...this.#lines].map(([id, { source }]) => [id, of(source)] as const);
    return Object.fromEntries(found.filter((entry): entry is [string, T] => entry[1] !== undefined));
  }

  /**
   * Gets ready for lines as `wanted` has them: what is the same goes on untouched, what only has other pipelines keeps
   * its camera. Everything new is opened first, so that a failure changes nothing. Errors: ERR_STAGE_LOAD, ERR_CONFIG_*.
   */
  async prepare(wanted: readonly LineOptions[]): Promise<PreparedLines> {
    const changes = new Map<string, PreparedChange>();
    const added: Line<S>[] = [];
    const discard = async () => {
      await Promise.all([...changes.values(), ...added].map((each) => each.discard()));
    };
    try {
      for (const options of wanted.filter((each) => this.#differs(each))) {
        const change = await this.#lines.get(options.id)?.prepare(options);
        if (change) changes.set(options.id, change);
        else added.push(this.#make(options));
      }
      for (const line of added) await line.open();
    } catch (error) {
      await discard();
      throw error;
    }
    return { apply: () => this.#change(wanted, { added, changes }), discard };
  }

  #differs(options: LineOptions): boolean {
    return !isDeepStrictEqual(this.#lines.get(options.id)?.options, options);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.stop()));
  }

  /** An old line is stopped before a new one starts, as both may be of one device. */
  async #change(
    wanted: readonly LineOptions[],
    { added, changes }: { added: readonly Line<S>[]; changes: ReadonlyMap<string, PreparedChange> },
  ): Promise<LineChanges> {
    const anew = added.map(({ options }) => options.id);
    const stays = (id: string) => !anew.includes(id) && wanted.some((options) => options.id === id);
    const gone = [...this.#lines].filter(([id]) => !stays(id));
    const next = [...this.#lines].filter(([id]) => stays(id));
    this.#lines = new Map([...next, ...added.map((line) => [line.options.id, line] as const)]);
    await Promise.all([
      ...gone.map(([, line]) => line.stop()),
      ...[...changes.values()].map((change) => change.apply()),
    ]);
    for (const line of added) this.#start(line);
    return { started: anew, stopped: gone.map(([id]) => id), changed: [...changes.keys()] };
  }

  #start(line: Line<S>): void {
    line.start();
    void line.ended.then(() => {
      // One that was taken out says nothing of the others.
      if (this.#lines.get(line.options.id) !== line) return;
      if ([...this.#lines.values()].every(({ hasEnded }) => hasEnded)) this.#ended.resolve();
    });
  }
}
