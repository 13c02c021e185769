#pragma once

#include <napi.h>

#include "engine/ort_api.h"

namespace sightline {

/** How an element type of ONNX is called and held in JavaScript. */
struct ElementType {
  OrtElementType type;
  const char* name;
  napi_typedarray_type array;
  size_t bytes;
};

/** Null for types that Sightline does not carry (strings, bfloat16, …). */
inline const ElementType* FindElementType(OrtElementType type) {
  static constexpr ElementType kTypes[] = {
      {kOrtFloat32, "float32", napi_float32_array, 4}, {kOrtFloat16, "float16", napi_uint16_array, 2},
      {kOrtFloat64, "float64", napi_float64_array, 8}, {kOrtUint8, "uint8", napi_uint8_array, 1},
      {kOrtInt8, "int8", napi_int8_array, 1},          {kOrtInt32, "int32", napi_int32_array, 4},
      {kOrtInt64, "int64", napi_bigint64_array, 8},    {kOrtBool, "bool", napi_uint8_array, 1},
  };
  for (const ElementType& known : kTypes) {
    if (known.type == type) return &known;
  }
  return nullptr;
}

}  // namespace sightline
