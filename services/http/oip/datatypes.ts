import type { DType } from "../../../runtime/tensor/tensor.ts";

const NAMES: Readonly<Record<DType, string>> = {
  float32: "FP32",
  float16: "FP16",
  float64: "FP64",
  uint8: "UINT8",
  int8: "INT8",
  int32: "INT32",
  int64: "INT64",
  bool: "BOOL",
};

/** What the Open Inference Protocol calls an element type. */
export const datatypeOf = (dtype: DType): string => NAMES[dtype];

/** Elements that JSON has no numbers for travel as bytes only. */
export const isBinaryOnly = (dtype: DType): boolean => dtype === "float16";
