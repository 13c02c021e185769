import type { ErrorRecord } from "../../runtime/base/errors.ts";
import type { FrameSource } from "../../runtime/pipeline/frame.ts";
import type { Rung } from "./ladder.ts";
import type { PictureFault } from "./reader/protocol.ts";

/**
 * `starting` until the first frame; `stalled` and `offline` (its process ended, or cannot be started) while it is
 * being brought back.
 */
export type CameraStatus = "starting" | "online" | "stalled" | "offline";

/** Something that a person may want to know of, as it goes to MQTT. */
export type CameraEvent =
  | {
      type: "failure";
      error: ErrorRecord;
      /** In a row, without a frame between. */
      failures: number;
      action: Rung["action"];
      pause_ms: number;
      /** What the child said last, oldest first. */
      lines: readonly string[];
    }
  | { type: "recover_cmd"; ok: boolean; lines: readonly string[] }
  /** Empty when the picture is in order again. */
  | { type: "picture"; faults: readonly PictureFault[] };

export interface SourceStats {
  /** Frames that found no free block. */
  dropped: number;
  /** Pieces of data that were no whole frame. */
  torn: number;
  stalls: number;
  restarts: number;
  faults: readonly PictureFault[];
}

export interface SourceListener {
  onStatus(status: CameraStatus): void;
  onEvent(event: CameraEvent): void;
  /** Frames that were delivered and not judged yet are of no more use. */
  onStale(): void;
}

/** A source that is watched and brought back, and says how it is. */
export interface SupervisedSource extends FrameSource {
  readonly stats: SourceStats;
  /** To be called before `frames`. */
  listen(listener: SourceListener): void;
}

export const isSupervised = (source: FrameSource): source is SupervisedSource => "listen" in source;
