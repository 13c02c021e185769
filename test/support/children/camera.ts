/**
 * A camera for `exec`: writes frames full of one 16-byte record (its process id, the frame's number, the time), so
 * that a torn, stale or repeated frame shows. `camera.ts FRAMING [FAULT]`: after some frames it commits the fault.
 */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { FRAME_BYTES } from "../numbered-frames.ts";

const [framing = "raw", fault = "none", periodMs = "20"] = process.argv.slice(2);
const BOUNDARY = "camera-of-the-tests";

function frame(number: number, bytes = FRAME_BYTES): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt32LE(process.pid, 0);
  record.writeUInt32LE(number, 4);
  record.writeDoubleLE(Date.now(), 8);
  return Buffer.alloc(bytes, record);
}

function framed(payload: Buffer): Buffer {
  if (framing === "raw") return payload;
  const header = `--${BOUNDARY}\r\nContent-Type: video/x-raw\r\nContent-Length: ${payload.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(header), payload, Buffer.from("\r\n")]);
}

function write(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

const hang = () => sleep(1_000_000);

/** Whether it goes on afterwards, ends, or hangs is left to chance. */
async function commit(number: number): Promise<void> {
  const turn = Math.floor(Math.random() * 3);
  if (fault === "half") {
    write(framed(frame(number)).subarray(0, FRAME_BYTES >> 1));
    if (turn === 0) process.exit(1);
    if (turn === 1) await hang();
  }
  if (fault === "garbage") {
    write(Buffer.from(Array.from({ length: 50_000 }, () => Math.random() * 256)));
    if (turn !== 0) await hang();
  }
  if (fault === "size") write(framed(frame(number, FRAME_BYTES + 64)));
  if (fault === "end") process.exit(0);
}

process.stderr.write(`camera ${process.pid} writes ${framing}\n`);
for (let number = 1; ; number++) {
  if (number % 15 === 0) await commit(number);
  write(framed(frame(number)));
  await sleep(Number(periodMs));
}
