import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock as clock } from "../../runtime/base/clock.ts";
import { openKernels } from "../../runtime/native/index.ts";
import type { Picture, RawPicture } from "../../runtime/pipeline/frame.ts";
import { openModel } from "../../runtime/pipeline/open-model.ts";
import type { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { bundleOf } from "../support/bundle.ts";
import { MODELS, startProvider } from "../support/models.ts";
import { layOut, PIXEL_FORMATS } from "../support/raw-images.ts";

const ZOO = join(import.meta.dirname, "../../models/zoo/pcb-aoi");
const BOARD = join(ZOO, "samples/images/12300223.jpg");

let provider: CpuExecutionProvider;
beforeAll(() => {
  provider = startProvider(1);
});
afterAll(() => provider.close());

async function open(folder: string) {
  const deps = { provider, kernels: openKernels(), clock };
  const { model } = await openModel(deps, { folder, runLimitMs: 60_000, inFlight: 1 });
  return (picture: Picture, minScore: number) => model.detect(picture, { minScore });
}

describe("a model with a quantized input sees the colours of", () => {
  const mean = (score: number | undefined) => ((score ?? Number.NaN) * 128 + 128).toFixed(0);
  const input = {
    name: "pixels",
    dtype: "uint8",
    layout: "NHWC",
    width: 8,
    height: 8,
    color: "rgb",
    resize: "stretch",
    mean: [128],
    std: [128],
    quantization: { scale: 1 / 128, zero_point: 128 },
  };
  const decoder = { type: "classifier", output: "means" };

  async function means(picture: Picture): Promise<Record<string, string>> {
    const labels = ["red", "green", "blue"];
    const detect = await open(await bundleOf(MODELS.meanColor, { input, decoder, labels }));
    const { detections } = await detect(picture, -1);
    return Object.fromEntries(detections.map((d) => [d.label, mean(d.score)]));
  }

  test("a still", async () => {
    const background = { r: 230, g: 180, b: 150 };
    const image = sharp({ create: { width: 40, height: 24, channels: 3, background } });
    const seen = await means({ encoding: "still", bytes: await image.png().toBuffer() });
    expect(seen).toEqual({ red: "230", green: "180", blue: "150" });
  });

  /** Bytes of one pixel, or of a group that shares chroma. */
  const FILL: Record<string, number[][]> = {
    gray8: [[200]],
    rgb24: [[230, 180, 150]],
    bgr24: [[150, 180, 230]],
    nv12: [[170], [100, 160]],
    i420: [[170], [100], [160]],
    yuyv: [[170, 100, 170, 160]],
  };
  const WANTED: Record<string, object> = {
    gray8: { red: "200", green: "200", blue: "200" },
    rgb24: { red: "230", green: "180", blue: "150" },
    bgr24: { red: "230", green: "180", blue: "150" },
    // BT.601, limited: 1.164 · (170 − 16) + 1.596 · 32 and so on.
    nv12: { red: "230", green: "164", blue: "123" },
  };

  test.each(PIXEL_FORMATS)("%s, of odd size and with padded rows", async (format) => {
    const { bytes: length, source } = layOut(format, 21, 13, 3);
    const bytes = new Uint8Array(length).fill(7);
    source.planes.forEach(({ offset, stride }, i) => {
      const group = FILL[format]?.[i] ?? [];
      const end = source.planes[i + 1]?.offset ?? length + 3;
      for (let row = offset; row < end; row += stride) {
        for (let k = 0; k < stride - 3; k++) bytes[row + k] = group[k % group.length] ?? 0;
      }
    });
    const picture: RawPicture = { encoding: "raw", ...source, bytes, matrix: "bt601", range: "limited" };
    expect(await means(picture)).toEqual(WANTED[format] ?? WANTED.nv12);
  });
});

test("the shipped detector finds on a camera's frame what it finds on the still", async () => {
  const detect = await open(ZOO);
  const still = await detect({ encoding: "still", bytes: await readFile(BOARD) }, 0.3);
  const { data, info } = await sharp(BOARD).greyscale().raw().toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  const planes = [{ offset: 0, stride: width }];
  const raw = await detect({ encoding: "raw", format: "gray8", width, height, planes, bytes: data }, 0.3);
  expect(still.detections.length).toBeGreaterThan(3);
  expect(raw.source).toEqual(still.source);
  expect(raw.detections).toEqual(still.detections);
});

test("and the same on a frame of twice the size, in colour", async () => {
  const detect = await open(ZOO);
  const small = await detect({ encoding: "still", bytes: await readFile(BOARD) }, 0.3);
  const large = sharp(BOARD).resize(1280, 1280, { kernel: "nearest" }).toColourspace("srgb");
  const { data, info } = await large.raw().toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  const planes = [{ offset: 0, stride: width * 3 }];
  const raw = await detect({ encoding: "raw", format: "rgb24", width, height, planes, bytes: data }, 0.3);
  expect(raw.detections.map((d) => d.label)).toEqual(small.detections.map((d) => d.label));
  for (const [i, { box }] of raw.detections.entries()) {
    expect(box.map((v) => v / 2)).toEqual(small.detections[i]?.box.map((v) => expect.closeTo(v, 2)));
  }
});
