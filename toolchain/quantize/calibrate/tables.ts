import type { Range } from "./binned.ts";

/**
 * TensorRT's legacy calibration cache, which versions 7 to 10 read and 11 no longer does: a header, then a line for
 * each tensor with its scale, amax / 127, as the hex digits of a big-endian float32
 * (https://github.com/NVIDIA/TensorRT/issues/625). `version` stands in the header: TensorRT makes the table anew when
 * it is not its own, such as 8601 for 8.6.1.
 */
export function tensorRtCache(ranges: ReadonlyMap<string, Range>, version: string): string {
  const lines = sorted(ranges).map(([name, range]) => `${name}: ${hex(amax(range) / 127)}`);
  return [`TRT-${version}-EntropyCalibration2`, ...lines, ""].join("\n");
}

/**
 * The text table that ONNX Runtime's TensorRT provider takes: `name amax` lines. Its own quantizer writes the larger
 * of max and min there, which is too small for a tensor that is mostly negative (`write_calibration_table` in
 * onnxruntime/quantization/quant_utils.py, 1.30); here it is the larger magnitude.
 */
export function ortTensorRtTable(ranges: ReadonlyMap<string, Range>): string {
  return sorted(ranges)
    .map(([name, range]) => `${name} ${Math.fround(amax(range))}\n`)
    .join("");
}

const amax = ({ min, max }: Range): number => Math.max(-min, max);

function hex(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes.toString("hex");
}

/** By code units, as both tools sort. */
const sorted = (ranges: ReadonlyMap<string, Range>): [string, Range][] =>
  [...ranges].sort(([a], [b]) => (a < b ? -1 : 1));
