#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/convert/scalar.h"

namespace sightline::neon {
namespace {

void ToFloat16(const float* in, size_t count, uint16_t* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const float16x4_t low = vcvt_f16_f32(vld1q_f32(in + i));
    vst1q_u16(out + i, vreinterpretq_u16_f16(vcvt_high_f16_f32(low, vld1q_f32(in + i + 4))));
  }
  for (; i < count; i++) out[i] = ToFloat16One(in[i]);
}

void ToFloat32(const uint16_t* in, size_t count, float* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(in + i));
    vst1q_f32(out + i, vcvt_f32_f16(vget_low_f16(halves)));
    vst1q_f32(out + i + 4, vcvt_high_f32_f16(halves));
  }
  for (; i < count; i++) out[i] = ToFloat32One(in[i]);
}

/** Four steps. */
inline int16x4_t Steps(const float* in, const float* scales, const float* zero_points, float32x4_t low,
                       float32x4_t high) {
  const float32x4_t steps = vdivq_f32(vld1q_f32(in), vld1q_f32(scales));
  const uint32x4_t numbers = vandq_u32(vreinterpretq_u32_f32(steps), vceqq_f32(steps, steps));
  const float32x4_t place = vaddq_f32(vrndnq_f32(vreinterpretq_f32_u32(numbers)), vld1q_f32(zero_points));
  return vmovn_s32(vcvtq_s32_f32(vminq_f32(vmaxq_f32(place, low), high)));
}

void Quantize(const float* in, const float* scales, const float* zero_points, int low, int high, size_t count,
              uint8_t* out) {
  const float32x4_t lows = vdupq_n_f32(static_cast<float>(low)),
                    highs = vdupq_n_f32(static_cast<float>(high));
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const int16x4_t first = Steps(in + i, scales + i, zero_points + i, lows, highs);
    const int16x4_t second = Steps(in + i + 4, scales + i + 4, zero_points + i + 4, lows, highs);
    vst1_u8(out + i, vmovn_u16(vreinterpretq_u16_s16(vcombine_s16(first, second))));
  }
  for (; i < count; i++) out[i] = QuantizeOne(in[i], scales[i], zero_points[i], low, high);
}

/** Eight steps as int16, which holds both types. */
inline int16x8_t Widen(const int8_t* from) {
  return vmovl_s8(vld1_s8(from));
}
inline int16x8_t Widen(const uint8_t* from) {
  return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(from)));
}

inline float32x4_t Values(int32x4_t steps, const float* scales, const float* zero_points) {
  return vmulq_f32(vsubq_f32(vcvtq_f32_s32(steps), vld1q_f32(zero_points)), vld1q_f32(scales));
}

template <typename Step>
void Dequantize(const Step* in, const float* scales, const float* zero_points, size_t count, float* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const int16x8_t steps = Widen(in + i);
    vst1q_f32(out + i, Values(vmovl_s16(vget_low_s16(steps)), scales + i, zero_points + i));
    vst1q_f32(out + i + 4, Values(vmovl_high_s16(steps), scales + i + 4, zero_points + i + 4));
  }
  for (; i < count; i++) out[i] = DequantizeOne(in[i], scales[i], zero_points[i]);
}

}  // namespace

const ConvertOps kConvert = {ToFloat16, ToFloat32, Quantize, Dequantize<int8_t>, Dequantize<uint8_t>};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
