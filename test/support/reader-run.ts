import { FetchedBlocks } from "../../services/camera/reader/blocks.ts";
import { FramePlace } from "../../services/camera/reader/frame-place.ts";
import { Pipe, PipeEnd } from "../../services/camera/reader/pipe.ts";
import { CONTROL, type FrameReport, type Report } from "../../services/camera/reader/protocol.ts";

export interface ReaderRun {
  /** The frames' bytes, copied when they came. */
  frames: Buffer[];
  reports: FrameReport[];
  torn: number;
  /** What ended it, unless its input did. */
  error: unknown;
}

/** Lets a framing read `input` in pieces of the sizes that `pieceOf` gives, as a pipe would hand them out. */
export function readFrames(
  input: Uint8Array,
  read: (pipe: Pipe, place: FramePlace) => never,
  { frameBytes, pieceOf = () => 65_536 }: { frameBytes?: number; pieceOf?: () => number } = {},
): ReaderRun {
  const run: ReaderRun = { frames: [], reports: [], torn: 0, error: undefined };
  const control = new Int32Array(new SharedArrayBuffer(4 * CONTROL.words));
  let blocks: FetchedBlocks | undefined;
  const post = (report: Report) => {
    if (report.type === "blocks") blocks = new FetchedBlocks(report.blocks, control);
    if (report.type === "torn") run.torn++;
    if (report.type !== "frame") return;
    const fetched = blocks?.fetch(report.block ?? -1, report.id, report.bytes);
    run.reports.push(report);
    run.frames.push(Buffer.from(fetched?.bytes ?? []));
    fetched?.release();
  };
  const place = new FramePlace({ post, control }, { blocks: 2, whenFull: "drop", checks: { frames: 3 } });
  place.startRun(1, frameBytes);
  let at = 0;
  const pipe = new Pipe((target, offset, length) => {
    const piece = input.subarray(at, at + Math.min(length, Math.max(1, pieceOf())));
    target.set(piece, offset);
    at += piece.length;
    return piece.length;
  });
  try {
    read(pipe, place);
  } catch (error) {
    if (!(error instanceof PipeEnd)) run.error = error;
  }
  return run;
}
