import { fileURLToPath } from "node:url";

/** Frames whose pixels tell who made them, which one they are, and when. */
export const WIDTH = 64;
export const HEIGHT = 48;
export const FRAME_BYTES = WIDTH * HEIGHT;

export interface Numbered {
  pid: number;
  number: number;
  atMs: number;
}

export const CAMERA = fileURLToPath(new URL("./children/camera.ts", import.meta.url));

/** Settings for the camera that is a script. */
export const scripted = (framing: "raw" | "multipart", fault: string, periodMs = 20) =>
  ({
    source: "exec",
    command: [process.execPath, CAMERA, framing, fault, String(periodMs)],
    framing,
    format: "gray8",
    width: WIDTH,
    height: HEIGHT,
  }) as const;

/** Throws for a frame that is not one and the same record from its first byte to its last. */
export function readNumbered(bytes: Uint8Array): Numbered {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const record = frame.subarray(0, 16);
  if (!frame.equals(Buffer.alloc(frame.length, record))) throw new Error("a torn frame");
  return { pid: frame.readUInt32LE(0), number: frame.readUInt32LE(4), atMs: frame.readDoubleLE(8) };
}

/** A file of raw grey frames, frame n full of n's four bytes. */
export function numberedFile(frames: number): Buffer {
  const file = Buffer.alloc(frames * FRAME_BYTES);
  const word = Buffer.alloc(4);
  for (let n = 0; n < frames; n++) {
    word.writeUInt32LE(n);
    file.fill(word, n * FRAME_BYTES, (n + 1) * FRAME_BYTES);
  }
  return file;
}

/** Throws for a frame that is not full of one number. */
export function readNumber(bytes: Uint8Array): number {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!frame.equals(Buffer.alloc(frame.length, frame.subarray(0, 4)))) throw new Error("a torn frame");
  return frame.readUInt32LE(0);
}
