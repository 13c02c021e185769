// Warps pictures away from the event loop: a pass over a megapixel takes tens of milliseconds here.

import { parentPort } from "node:worker_threads";
import type { Size } from "./fit.ts";
import type { Homography } from "./homography.ts";
import { type PackedImage, warp } from "./warp.ts";

export interface WarpRequest {
  source: PackedImage;
  target: Size;
  map: Homography;
}

parentPort?.on("message", ({ map, source, target }: WarpRequest) => {
  const warped = warp(source, target, map);
  parentPort?.postMessage(warped, [warped.data.buffer as ArrayBuffer]);
});
