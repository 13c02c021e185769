import type { Config } from "../../config/schema/schema.ts";

/** A piece of the daemon. Its constructor assigns; `start` and `stop` do the work. */
export interface Part {
  /** For people who read that it did not stop in time. */
  readonly name: string;
  /** Sections of the configuration that `prepare` can change. Left out: none. */
  readonly sections?: readonly (keyof Config)[];
  /** Ends early when `signal` is aborted. Errors: the part's own; `stop` is called all the same. */
  start(signal: AbortSignal): Promise<void>;
  /** May be called at any time, and twice. */
  stop(): Promise<void>;
  /** Gets ready for another configuration; undefined when it changes nothing here. Errors: the part's own, and nothing has changed then. */
  prepare?(next: Config): Promise<PartChange | undefined>;
}

/** A change that is ready: as much of it as can fail has been done. */
export interface PartChange {
  /** Says what was changed, for people. */
  apply(): Promise<readonly string[]>;
  /** Gives up what nobody uses any more, when all parts have changed. */
  finish?(): Promise<void>;
  /** In place of `apply`, when another part cannot change. */
  discard?(): Promise<void>;
}
