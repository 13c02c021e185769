import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { randomFrom } from "../support/models.ts";
import { openOracle } from "../support/oracle.ts";
import { runnable } from "../support/runnable-variants.ts";

const oracle = await openOracle(
  fileURLToPath(new URL("../fixtures/models/conversions.onnx", import.meta.url)),
);
afterAll(() => oracle.release());

const bytesOf = (array: ArrayBufferView): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

const isNaNHalf = (half: number): boolean => (half & 0x7fff) > 0x7c00;

test.each([
  ["channels last", 1],
  ["planes of 37", 37],
])("conversions equal ONNX Runtime's bit for bit, %s (seed 41)", async (_, inner) => {
  const random = randomFrom(41);
  const [outer, channels] = [50, 3];
  const dims = [outer, channels, inner];
  const length = outer * channels * inner;
  const scales = Float32Array.of(0.1, 0.25, 3e-3);
  // Far above, below and on the steps and their middles.
  const values = Float32Array.from({ length }, (_, i) => {
    const scale = scales[Math.floor(i / inner) % channels] as number;
    return (random() < 0.5 ? Math.floor(random() * 600 - 300) / 2 : random() * 900 - 450) * scale;
  });
  values.set([
    65_519.9,
    65_520,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** -25,
    3 * 2 ** -25,
    -0,
  ]);
  const [int8, zeroInt8] = [
    Int8Array.from({ length }, () => random() * 256 - 128),
    Int8Array.of(-128, 3, 127),
  ];
  const [uint8, zeroUint8] = [Uint8Array.from({ length }, () => random() * 256), Uint8Array.of(0, 128, 255)];
  const float16 = Uint16Array.from({ length: 65_536 }, (_, half) => half).filter((half) => !isNaNHalf(half));
  const wanted = await oracle.run({
    values: { dtype: "float32", dims, data: values },
    int8: { dtype: "int8", dims, data: int8 },
    uint8: { dtype: "uint8", dims, data: uint8 },
    float16: { dtype: "float16", dims: [float16.length], data: float16 },
    scales: { dtype: "float32", dims: [channels], data: scales },
    zero_int8: { dtype: "int8", dims: [channels], data: zeroInt8 },
    zero_uint8: { dtype: "uint8", dims: [channels], data: zeroUint8 },
  });
  for (const [variant, kernels] of runnable("convert")) {
    const forInt8 = { scales: [...scales], zeroPoints: [...zeroInt8], inner };
    const forUint8 = { scales: [...scales], zeroPoints: [...zeroUint8], inner };
    const ours = {
      steps_int8: new Int8Array(length),
      steps_uint8: new Uint8Array(length),
      values_int8: new Float32Array(length),
      values_uint8: new Float32Array(length),
      values_float16: new Uint16Array(length),
      values_float32: new Float32Array(float16.length),
    };
    await kernels.quantize(values, forInt8, ours.steps_int8);
    await kernels.quantize(values, forUint8, ours.steps_uint8);
    await kernels.dequantize(int8, forInt8, ours.values_int8);
    await kernels.dequantize(uint8, forUint8, ours.values_uint8);
    await kernels.toFloat16(values, ours.values_float16);
    await kernels.toFloat32(float16, ours.values_float32);
    for (const [name, array] of Object.entries(ours)) {
      expect(bytesOf(array).equals(wanted[name] as Buffer), `${variant}, ${name}`).toBe(true);
    }
  }
});
