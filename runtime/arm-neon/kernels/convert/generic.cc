#include "kernels/convert/scalar.h"

namespace sightline::generic {
namespace {

void ToFloat16(const float* in, size_t count, uint16_t* out) {
  for (size_t i = 0; i < count; i++) out[i] = ToFloat16One(in[i]);
}

void ToFloat32(const uint16_t* in, size_t count, float* out) {
  for (size_t i = 0; i < count; i++) out[i] = ToFloat32One(in[i]);
}

void Quantize(const float* in, const float* scales, const float* zero_points, int low, int high, size_t count,
              uint8_t* out) {
  for (size_t i = 0; i < count; i++) out[i] = QuantizeOne(in[i], scales[i], zero_points[i], low, high);
}

template <typename Step>
void Dequantize(const Step* in, const float* scales, const float* zero_points, size_t count, float* out) {
  for (size_t i = 0; i < count; i++) out[i] = DequantizeOne(in[i], scales[i], zero_points[i]);
}

}  // namespace

const ConvertOps kConvert = {ToFloat16, ToFloat32, Quantize, Dequantize<int8_t>, Dequantize<uint8_t>};

}  // namespace sightline::generic
