import type { Manifest } from "./manifest.ts";

/** The outputs that a decoder reads. */
export function outputNames(decoder: Manifest["decoder"]): string[] {
  if (decoder.type === "heatmap") return [decoder.heatmap, decoder.boxes];
  return decoder.type === "yolov8-seg" ? [decoder.output, decoder.masks] : [decoder.output];
}
