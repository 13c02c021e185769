import { join } from "node:path";
import sharp from "sharp";

/** The models of test/fixtures/quantize, and how many of its 22 pictures calibrate; the others test. */
export const GOLDEN_MODELS = [
  "pcb-aoi",
  "mobilenet_v2",
  "squeezenet",
  "fastestdet",
  "ppocr-det",
  "ppocr-rec",
] as const;
export type GoldenModel = (typeof GOLDEN_MODELS)[number];
export const [PICTURES, CALIBRATION_PICTURES] = [22, 16];

export interface GoldenInput {
  dims: number[];
  values: Float32Array<ArrayBuffer>;
}

/** What make-golden.py feeds `model` for picture `index` (0…21), bit for bit. */
export async function goldenInput(model: GoldenModel, index: number): Promise<GoldenInput> {
  switch (model) {
    case "pcb-aoi":
      return tensor([await board(index)], [0], [255]);
    case "mobilenet_v2":
      return tensor(await tinted(index, 224), [128], [128]);
    case "squeezenet":
      return tensor((await tinted(index, 224)).toReversed(), [104, 117, 123], [1]);
    case "fastestdet":
      return tensor((await tinted(index, 352)).toReversed(), [0], [255]);
    case "ppocr-det":
      return tensor(gray(await page(index)), [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
    case "ppocr-rec":
      return tensor(gray(await line(index)), [127.5], [127.5]);
  }
}

interface Plane {
  pixels: Uint8Array;
  width: number;
  height: number;
}

const FOLDER = join(import.meta.dirname, "../fixtures/quantize");
const sheets = new Map<string, Promise<Plane>>();

function sheet(name: string): Promise<Plane> {
  const known = sheets.get(name) ?? read(name);
  sheets.set(name, known);
  return known;
}

async function read(name: string): Promise<Plane> {
  const decoded = sharp(join(FOLDER, name)).toColourspace("b-w").raw();
  const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
}

async function part(name: string, index: number): Promise<Plane> {
  const { pixels, width, height: sheetHeight } = await sheet(name);
  const height = sheetHeight / PICTURES;
  return { pixels: pixels.subarray(index * height * width, (index + 1) * height * width), width, height };
}

const board = (index: number): Promise<Plane> => part("boards.png", index);
const line = (index: number): Promise<Plane> => part("lines.png", index % PICTURES);
const gray = (plane: Plane): Plane[] => [plane, plane, plane];

function nearest({ pixels, width, height }: Plane, side: number): Plane {
  const small = new Uint8Array(side * side);
  for (let i = 0; i < small.length; i++) {
    const y = Math.floor((Math.floor(i / side) * height) / side);
    const x = Math.floor(((i % side) * width) / side);
    small[i] = pixels[y * width + x] ?? 0;
  }
  return { pixels: small, width: side, height: side };
}

/** RGB: the board, each channel darkened by another share, which changes from picture to picture. */
async function tinted(index: number, side: number): Promise<Plane[]> {
  const small = nearest(await board(index), side);
  return [0, 1, 2].map((channel) => {
    const share = 256 - 40 * ((index + channel) % 3);
    return { ...small, pixels: small.pixels.map((value) => (value * share) >> 8) };
  });
}

/** A board of 320×320 with three lines of text over it. */
async function page(index: number): Promise<Plane> {
  const picture = nearest(await board(index), 320);
  for (const [k, top] of [16, 120, 224].entries()) {
    picture.pixels.set((await line(index + k)).pixels, top * 320);
  }
  return picture;
}

/** (pixel − mean) / std in float64, then rounded to float32; mean and std: one entry, or one a channel. */
function tensor(planes: Plane[], mean: number[], std: number[]): GoldenInput {
  const [{ width, height } = { width: 0, height: 0 }] = planes;
  const values = new Float32Array(planes.length * width * height);
  for (const [channel, { pixels }] of planes.entries()) {
    const shift = mean[channel % mean.length] ?? 0;
    const scale = std[channel % std.length] ?? 1;
    values.set(
      Float32Array.from(pixels, (pixel) => (pixel - shift) / scale),
      channel * width * height,
    );
  }
  return { dims: [1, planes.length, height, width], values };
}
