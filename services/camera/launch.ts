import type { Caps } from "./caps.ts";
import type { Framing } from "./reader/protocol.ts";

/** How to start a child that writes frames, and how to read them. */
export interface Launch {
  command: string;
  args: readonly string[];
  /** The child's descriptor that frames are written to. */
  framesTo: 1 | 3;
  framing: Framing;
  /** Left out: GStreamer says it before the first frame. */
  caps?: Caps | undefined;
  /** Lines of the child that say nothing to people. */
  noise?: RegExp | undefined;
}
