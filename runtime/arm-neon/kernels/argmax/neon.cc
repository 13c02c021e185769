#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/argmax/scalar.h"

namespace sightline::neon {
namespace {

/** Four times four numbers below 256 as bytes. */
inline uint8x16_t Narrow(const uint32x4_t (&numbers)[4]) {
  const uint16x8_t low = vcombine_u16(vmovn_u32(numbers[0]), vmovn_u32(numbers[1]));
  const uint16x8_t high = vcombine_u16(vmovn_u32(numbers[2]), vmovn_u32(numbers[3]));
  return vcombine_u8(vmovn_u16(low), vmovn_u16(high));
}

void ArgmaxF32(const float* planes, size_t classes, size_t count, uint8_t* out) {
  const float32x4_t lowest = vdupq_n_f32(-std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    float32x4_t best[4] = {lowest, lowest, lowest, lowest};
    uint32x4_t winner[4] = {vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0)};
    for (size_t c = 0; c < classes; c++) {
      const uint32x4_t challenger = vdupq_n_u32(static_cast<uint32_t>(c));
      for (size_t k = 0; k < 4; k++) {
        const float32x4_t value = vld1q_f32(planes + c * count + i + k * 4);
        const uint32x4_t wins = vcgtq_f32(value, best[k]);
        best[k] = vbslq_f32(wins, value, best[k]);
        winner[k] = vbslq_u32(wins, challenger, winner[k]);
      }
    }
    vst1q_u8(out + i, Narrow(winner));
  }
  for (; i < count; i++) out[i] = ArgmaxOne(planes, classes, count, i);
}

void ArgmaxI8(const int8_t* planes, size_t classes, size_t count, uint8_t* out) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    int8x16_t best = vdupq_n_s8(-128);
    uint8x16_t winner = vdupq_n_u8(0);
    for (size_t c = 0; c < classes; c++) {
      const int8x16_t value = vld1q_s8(planes + c * count + i);
      winner = vbslq_u8(vcgtq_s8(value, best), vdupq_n_u8(static_cast<uint8_t>(c)), winner);
      best = vmaxq_s8(value, best);
    }
    vst1q_u8(out + i, winner);
  }
  for (; i < count; i++) out[i] = ArgmaxOne(planes, classes, count, i);
}

void ArgmaxU8(const uint8_t* planes, size_t classes, size_t count, uint8_t* out) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    uint8x16_t best = vdupq_n_u8(0), winner = vdupq_n_u8(0);
    for (size_t c = 0; c < classes; c++) {
      const uint8x16_t value = vld1q_u8(planes + c * count + i);
      winner = vbslq_u8(vcgtq_u8(value, best), vdupq_n_u8(static_cast<uint8_t>(c)), winner);
      best = vmaxq_u8(value, best);
    }
    vst1q_u8(out + i, winner);
  }
  for (; i < count; i++) out[i] = ArgmaxOne(planes, classes, count, i);
}

}  // namespace

const ArgmaxOps kArgmax = {{ArgmaxF32, ArgmaxI8, ArgmaxU8}};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
