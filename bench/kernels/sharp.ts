import sharp from "sharp";
import type { BenchPicture } from "../../runtime/arm-neon/kernels/bench-case.ts";
import { toPlanes, toRgb } from "../../runtime/arm-neon/kernels/preprocess/javascript.ts";

/** sharp where it can do some of the work, with as many threads as it takes by itself, and a loop for the rest. */
export function sharpPeer(picture: BenchPicture): () => Promise<Float32Array> {
  const { format, height, pad, pixels, side, width } = picture;
  const rgb = new Uint8Array(width * height * 3);
  const tensor = new Float32Array(side * side * 3);
  const background = { r: pad, g: pad, b: pad };
  return async () => {
    if (format === "nv12") toRgb(pixels, width, height, rgb);
    const image = sharp(format === "nv12" ? rgb : pixels, { raw: { width, height, channels: 3 } });
    if (width !== side || height !== side) {
      image.resize(side, side, { fit: "contain", background, kernel: "linear" });
    }
    toPlanes(await image.raw().toBuffer(), tensor);
    return tensor;
  };
}
