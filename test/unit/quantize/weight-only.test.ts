import { describe, expect, test } from "vitest";
import { makeNode } from "../../../models/onnx/graph.ts";
import { type BlockFormat, quantizeBlocks } from "../../../toolchain/quantize/numerics/blocks.ts";
import { gptq } from "../../../toolchain/quantize/numerics/gptq.ts";
import { Hessian } from "../../../toolchain/quantize/numerics/hessian.ts";
import { rounds } from "../../../toolchain/quantize/weight-only/collect-hessians.ts";
import { convGeometry, outputsAlong } from "../../../toolchain/quantize/weight-only/conv-geometry.ts";
import { samplePatches, sampleRows } from "../../../toolchain/quantize/weight-only/input-rows.ts";
import { LayerHessian, SLICE_K } from "../../../toolchain/quantize/weight-only/layer-hessian.ts";
import type { WeightLayer } from "../../../toolchain/quantize/weight-only/layers.ts";
import { randomFrom } from "../../support/models.ts";

const SEED = 20_261_128;
const FORMAT: BlockFormat = { bits: 4, blockSize: 32, symmetric: false };
const noise = (count: number, seed = SEED): Float32Array => {
  const random = randomFrom(seed);
  return Float32Array.from({ length: count }, () => random() - 0.3);
};
const conv = (w: number[], attributes: Record<string, number[] | string>) =>
  convGeometry(makeNode("Conv", { name: "c", inputs: ["x", "w"], outputs: ["y"] }, attributes), w);

describe("the rows that a Conv multiplies", () => {
  const [images, channels, height, width] = [2, 3, 5, 6];
  const picture = noise(images * channels * height * width);

  test.each([
    conv([1, 3, 3, 2], { pads: [1, 0, 1, 1], strides: [2, 1] }),
    conv([1, 3, 2, 2], { dilations: [2, 3] }),
    conv([1, 3, 1, 1], {}),
  ])("are what each output sees: %o", (geometry) => {
    const dims = [images, channels, height, width];
    const rows = samplePatches(picture, dims, geometry, { count: 10_000, offset: 0 });
    expect([...rows]).toEqual(patches(geometry));
  });

  /** ONNX's definition, output by output. */
  function patches({ kernel, strides, dilations, pads }: ReturnType<typeof conv>): number[] {
    const [[kh = 1, kw = 1], [sy = 1, sx = 1], [dy = 1, dx = 1], [top = 0, left = 0, bottom = 0, right = 0]] =
      [kernel, strides, dilations, pads];
    const at = (n: number, c: number, y: number, x: number): number =>
      y < 0 || x < 0 || y >= height || x >= width
        ? 0
        : (picture[((n * channels + c) * height + y) * width + x] ?? 0);
    const rows: number[] = [];
    for (let n = 0; n < images; n++)
      for (let y = -top; y + (kh - 1) * dy < height + bottom; y += sy)
        for (let x = -left; x + (kw - 1) * dx < width + right; x += sx)
          for (let c = 0; c < channels; c++)
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++) rows.push(at(n, c, y + i * dy, x + j * dx));
    return rows;
  }

  test.each([
    ["SAME_UPPER", 5, 2, 3, { count: 3, before: 1 }],
    ["SAME_UPPER", 6, 2, 3, { count: 3, before: 0 }],
    ["SAME_LOWER", 6, 2, 3, { count: 3, before: 1 }],
    ["VALID", 6, 2, 3, { count: 2, before: 0 }],
  ])("%s over %i, stride %i, kernel %i", (auto_pad, size, stride, kernel, wanted) => {
    const geometry = conv([1, 1, kernel, kernel], { auto_pad, strides: [stride, stride] });
    expect(outputsAlong(geometry, 0, size)).toEqual(wanted);
  });
});

describe("rows are sampled", () => {
  const rows = Float32Array.from({ length: 100 }, (_, i) => i);

  test("evenly, and elsewhere in the next input", () => {
    expect([...sampleRows(rows, 1, { count: 4, offset: 0 })]).toEqual([0, 25, 50, 75]);
    expect([...sampleRows(rows, 1, { count: 4, offset: 0.5 })]).toEqual([12, 37, 62, 87]);
  });

  test("or taken as they are when they are few", () => {
    expect(sampleRows(rows, 25, { count: 4, offset: 0.9 })).toEqual(rows);
  });
});

describe(`the Hessian of a layer (seed ${SEED})`, () => {
  test("is one when K is small", () => {
    const [n, k] = [3, 40];
    const [values, inputs] = [noise(n * k), noise(200 * k, 2)];
    const [own, plain] = [new LayerHessian(k), new Hessian(k)];
    own.add(inputs);
    plain.add(inputs);
    expect(own.quantize({ values, n, k }, FORMAT)).toEqual(gptq({ values, n, k }, plain, FORMAT));
  });

  test("is in slices when K is large: each is GPTQ's of its columns", () => {
    const [n, k] = [2, SLICE_K + 100];
    const [values, inputs] = [noise(n * k), noise(64 * k, 2)];
    const whole = new LayerHessian(k);
    whole.add(inputs);
    const blocks = whole.quantize({ values, n, k }, FORMAT);
    const tail = (from: Float32Array, rows: number) =>
      Float32Array.from(
        { length: rows * 100 },
        (_, i) => from[Math.floor(i / 100) * k + SLICE_K + (i % 100)] ?? 0,
      );
    const hessian = new Hessian(100);
    hessian.add(tail(inputs, 64));
    const last = gptq({ values: tail(values, n), n, k: 100 }, hessian, FORMAT);
    for (let row = 0; row < n; row++) {
      const perRow = Math.ceil(k / 32);
      expect(blocks.codes.slice(row * k + SLICE_K, (row + 1) * k)).toEqual(
        last.codes.slice(row * 100, row * 100 + 100),
      );
      expect(blocks.scales.slice((row + 1) * perRow - 4, (row + 1) * perRow)).toEqual(
        last.scales.slice(row * 4, row * 4 + 4),
      );
    }
    expect(blocks.zeroPoints).toHaveLength(n * Math.ceil(k / 32));
  });

  test("rounds to nearest where no input was seen", () => {
    const [n, k] = [2, 64];
    const rows = { values: noise(n * k), n, k };
    expect(new LayerHessian(k).quantize(rows, FORMAT)).toEqual(quantizeBlocks(rows, FORMAT));
  });
});

test("layers whose sums do not fit together are looked at in rounds", () => {
  const layer = (k: number) => ({ k }) as WeightLayer;
  const wide = Array.from({ length: 30 }, () => layer(4608));
  expect(rounds(wide).map((round) => round.length)).toEqual([12, 12, 6]);
  expect(rounds([layer(25_088)])).toHaveLength(1);
  expect(rounds([])).toEqual([]);
});
