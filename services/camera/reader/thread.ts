import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { FramePlace, SizeChanged } from "./frame-place.ts";
import { readMjpeg } from "./mjpeg.ts";
import { readMultipart } from "./multipart.ts";
import { Pipe, PipeEnd } from "./pipe.ts";
import {
  CONTROL,
  type ReaderSetup,
  type ReadOrder,
  type Report,
  type Request,
  type RunEnd,
} from "./protocol.ts";
import { readRaw } from "./raw.ts";

/** A camera's reader thread: it blocks in read(2), which is the cheapest way to get megabytes out of a pipe. */

const setup = workerData as ReaderSetup;
const control = new Int32Array(setup.control);
const post = (report: Report) => parentPort?.postMessage(report);
const place = new FramePlace({ post, control }, setup, setup.lastId);

parentPort?.on("message", (request: Request) => {
  if (request.type === "close") parentPort?.close();
  else post({ type: "ended", run: request.order.run, why: read(request.order) });
});

function read(order: ReadOrder): RunEnd {
  let fd: number | undefined;
  let bytesOfFrame = 0;
  try {
    const opened = openSync(order.path, "r");
    fd = opened;
    post({ type: "opened", run: order.run, fd });
    place.startRun(order.run, order.frameBytes);
    const pipe = new Pipe((target, offset, length) => {
      const bytes = readSync(opened, target, offset, length, null);
      bytesOfFrame += bytes;
      return Atomics.load(control, CONTROL.abandoned) >= order.run ? 0 : bytes;
    });
    return readFrames(pipe, order);
  } catch (error) {
    if (error instanceof SizeChanged) return { kind: "size-changed", from: error.from, to: error.to };
    if (!(error instanceof PipeEnd)) return { kind: "failed", message: String(error) };
    const leftOverBytes = order.framing.kind === "raw" ? bytesOfFrame % order.framing.bytes : 0;
    return { kind: "end", leftOverBytes };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function readFrames(pipe: Pipe, { framing }: ReadOrder): never {
  if (framing.kind === "raw") return readRaw(pipe, place, framing.bytes);
  if (framing.kind === "mjpeg") return readMjpeg(pipe, place);
  return readMultipart(pipe, place, framing.boundary);
}
