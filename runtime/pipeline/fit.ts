import type { Box } from "./detection.ts";

/** Where the source frame lies inside the model's input. */
export interface Fit {
  source: Size;
  /** In whole pixels of the input. */
  place: Size & { left: number; top: number };
}

export interface Size {
  width: number;
  height: number;
}

export function fitInto(source: Size, target: Size, resize: "letterbox" | "stretch"): Fit {
  if (resize === "stretch") {
    return { source, place: { left: 0, top: 0, width: target.width, height: target.height } };
  }
  const scale = Math.min(target.width / source.width, target.height / source.height);
  // A line of a picture stays one, however thin.
  const width = Math.max(1, Math.round(source.width * scale));
  const height = Math.max(1, Math.round(source.height * scale));
  const left = Math.floor((target.width - width) / 2);
  const top = Math.floor((target.height - height) / 2);
  return { source, place: { left, top, width, height } };
}

/** A box of the model's input in pixels of the source frame, cut at its edges. */
export function toSource({ place, source }: Fit, box: Box): Box {
  const x = (v: number) => clamp(((v - place.left) * source.width) / place.width, source.width);
  const y = (v: number) => clamp(((v - place.top) * source.height) / place.height, source.height);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}

const clamp = (v: number, max: number): number => Math.min(Math.max(v, 0), max);
