import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { Outbox } from "../outbox/outbox.ts";
import type { Part } from "./part.ts";

/** The log of results. */
export class StorePart implements Part {
  readonly name = "store";
  readonly outbox: Outbox;

  constructor(deps: { clock: Clock; logger: Logger }, { store }: Config) {
    const { commit_delay, commit_rows, max_size, path } = store;
    this.outbox = new Outbox(deps, {
      path,
      maxBytes: max_size,
      commitDelayMs: commit_delay,
      commitRows: commit_rows,
    });
  }

  start(): Promise<void> {
    return this.outbox.start();
  }

  stop(): Promise<void> {
    return this.outbox.stop();
  }
}
