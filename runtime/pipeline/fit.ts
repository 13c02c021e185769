import type { Box } from "./detection.ts";

/** Where the source frame lies inside the model's input: scale and offset per axis. */
export interface Fit {
  source: Size;
  scaleX: number;
  scaleY: number;
  left: number;
  top: number;
}

export interface Size {
  width: number;
  height: number;
}

export function fitInto(source: Size, target: Size, resize: "letterbox" | "stretch"): Fit {
  if (resize === "stretch") {
    const scaleX = target.width / source.width;
    return { source, scaleX, scaleY: target.height / source.height, left: 0, top: 0 };
  }
  const scale = Math.min(target.width / source.width, target.height / source.height);
  const width = Math.round(source.width * scale);
  const height = Math.round(source.height * scale);
  return {
    source,
    scaleX: width / source.width,
    scaleY: height / source.height,
    left: Math.floor((target.width - width) / 2),
    top: Math.floor((target.height - height) / 2),
  };
}

/** A box of the model's input in pixels of the source frame, cut at its edges. */
export function toSource(fit: Fit, box: Box): Box {
  const x = (v: number) => clamp((v - fit.left) / fit.scaleX, fit.source.width);
  const y = (v: number) => clamp((v - fit.top) / fit.scaleY, fit.source.height);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}

const clamp = (v: number, max: number): number => Math.min(Math.max(v, 0), max);
