import type { Frame } from "../../runtime/pipeline/frame.ts";

/** A frame with an empty picture, but for what is given. */
export function aFrame(given: Partial<Frame> = {}): Frame {
  return {
    id: 1,
    camera: "cam",
    capturedAtNs: 0n,
    capturedAtMs: 0,
    picture: { encoding: "still", bytes: new Uint8Array() },
    dropsBefore: 0,
    origin: undefined,
    lost: undefined,
    release: () => {},
    ...given,
  };
}
