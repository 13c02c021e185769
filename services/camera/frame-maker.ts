import { SightlineError } from "../../runtime/base/errors.ts";
import type { Frame, Picture } from "../../runtime/pipeline/frame.ts";
import type { Caps } from "./caps.ts";
import type { FrameRead } from "./frame-reader.ts";

const NO_PICTURE: Picture = { encoding: "still", bytes: new Uint8Array() };

/** The frame for what the thread read. Errors: ERR_CAMERA_FORMAT when it does not fit the caps; it is released then. */
export function makeFrame(
  camera: string,
  read: FrameRead,
  caps: Caps | undefined,
  dropsBefore: number,
): Frame {
  try {
    const { atMs, atNs, id, pixels } = read;
    return {
      id,
      camera,
      capturedAtNs: atNs,
      capturedAtMs: atMs,
      picture: pixels ? pictureOf(read, pixels.bytes, caps) : NO_PICTURE,
      dropsBefore,
      origin: undefined,
      lost: pixels
        ? undefined
        : new SightlineError("ERR_QUEUE_FULL", "the part's frame arrived while all buffers were in use"),
      release: pixels?.release ?? (() => {}),
    };
  } catch (error) {
    read.pixels?.release();
    throw error;
  }
}

/** A part whose frame arrived incomplete. */
export function tornFrame(camera: string, id: number, at: { ns: bigint; ms: number }): Frame {
  const lost = new SightlineError("ERR_FRAME_TORN", `frame ${id} is incomplete`);
  const times = { capturedAtNs: at.ns, capturedAtMs: at.ms };
  return {
    id,
    camera,
    ...times,
    picture: NO_PICTURE,
    dropsBefore: 0,
    origin: undefined,
    lost,
    release: () => {},
  };
}

function pictureOf({ isStill }: FrameRead, bytes: Uint8Array, caps: Caps | undefined): Picture {
  if (isStill) return { encoding: "still", bytes };
  if (caps?.encoding !== "raw") {
    const found = caps?.encoding === "unknown" ? caps.text : "of an unknown kind";
    throw new SightlineError("ERR_CAMERA_FORMAT", `frames are ${found}`);
  }
  const { format, height, planes, width } = caps.layout;
  if (bytes.length !== caps.layout.bytes) {
    const expected = `${width}×${height} ${format} takes ${caps.layout.bytes}`;
    throw new SightlineError("ERR_CAMERA_FORMAT", `a frame has ${bytes.length} bytes, but ${expected}`);
  }
  return { encoding: "raw", format, width, height, planes, bytes, ...caps.colors };
}
