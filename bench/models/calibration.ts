import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cost, median, type Result } from "../bench.ts";

const CHILD = fileURLToPath(new URL("calibrate-child.ts", import.meta.url));

/** What calibration on 640×640 takes of memory, and whether that grows with the number of pictures. */
export async function calibration(images: number): Promise<Result[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, String(images)]);
  const { peakMb, rssMb } = JSON.parse(stdout) as { peakMb: number; rssMb: number[] };
  const quarter = Math.floor(images / 4);
  const growth = median(rssMb.slice(-quarter)) / median(rssMb.slice(quarter, 2 * quarter));
  return [
    cost(`calibration on ${images} pictures: peak memory`, "MB", peakMb, 400),
    cost(`calibration on ${images} pictures: last quarter's memory ÷ second's`, "×", growth, 1.05),
  ];
}
