#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/variant.h"

namespace sightline {

/**
 * Numbers as 8-bit steps, as ONNX's QuantizeLinear and DequantizeLinear define them: the channel of element i
 * is i / inner mod channels, and its value (q − zero point) · scale.
 */
struct ChannelQuantization {
  /** One a channel; positive and finite. */
  std::vector<float> scales;
  /** One a channel, whole and within the type's range. */
  std::vector<float> zero_points;
  size_t inner;
  /** int8, else uint8. */
  bool is_signed;
};

/** The hot loops, over a row of any length. Results of all variants are equal bit for bit. */
struct ConvertOps {
  /** To the nearest, halves to even; NaNs become quiet and keep the upper bits of their payload. */
  void (*to_float16)(const float* in, size_t count, uint16_t* out);
  void (*to_float32)(const uint16_t* in, size_t count, float* out);
  /** round(in / scale) + zero point, halves to even, within low to high; NaN becomes the zero point. */
  void (*quantize)(const float* in, const float* scales, const float* zero_points, int low, int high,
                   size_t count, uint8_t* out);
  /** (in − zero point) · scale */
  void (*dequantize_int8)(const int8_t* in, const float* scales, const float* zero_points, size_t count,
                          float* out);
  void (*dequantize_uint8)(const uint8_t* in, const float* scales, const float* zero_points, size_t count,
                           float* out);
};

#define KERNEL(variant, needs)      \
  namespace variant {               \
  extern const ConvertOps kConvert; \
  }
#include "kernels/convert/kernels.inc"
#undef KERNEL

inline constexpr Variant<ConvertOps> kConvertVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kConvert},
#include "kernels/convert/kernels.inc"
#undef KERNEL
};

/** `steps` is int8 or uint8 by `quantization`. */
void Quantize(const float* values, size_t count, const ChannelQuantization& quantization,
              const ConvertOps& ops, void* steps);
void Dequantize(const void* steps, size_t count, const ChannelQuantization& quantization,
                const ConvertOps& ops, float* values);

}  // namespace sightline
