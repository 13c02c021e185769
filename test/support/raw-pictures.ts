import type { RawPicture } from "../../runtime/pipeline/frame.ts";

/** A grey picture, a value a pixel. */
export function greyPicture(
  width: number,
  height: number,
  value: (x: number, y: number) => number,
): RawPicture {
  const bytes = Uint8Array.from({ length: width * height }, (_, i) =>
    value(i % width, Math.floor(i / width)),
  );
  return { encoding: "raw", format: "gray8", width, height, planes: [{ offset: 0, stride: width }], bytes };
}
