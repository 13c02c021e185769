#pragma once

#include <cmath>
#include <cstring>

#include "kernels/convert/convert.h"

namespace sightline {

/** One element of each loop: all of `generic`, and the ends of rows in the other variants. */

inline uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline uint16_t ToFloat16One(float value) {
  constexpr uint32_t kInfinity = 0xff << 23;
  /** Halfway between the greatest float16, 65504, and the next power of two. */
  constexpr uint32_t kTooLarge = 0x477ff000;
  /** 2^-14, the least normal float16. */
  constexpr uint32_t kNormal = 113 << 23;
  const uint32_t bits = BitsOf(value), size = bits & 0x7fffffff;
  const uint32_t sign = bits >> 16 & 0x8000;
  if (size > kInfinity) return static_cast<uint16_t>(sign | 0x7e00 | (size >> 13 & 0x3ff));
  if (size >= kTooLarge) return static_cast<uint16_t>(sign | 0x7c00);
  // The last bit of 0.5 is worth 2^-24, as that of a subnormal float16: the addition rounds.
  if (size < kNormal) return static_cast<uint16_t>(sign | (BitsOf(FloatOf(size) + 0.5f) - BitsOf(0.5f)));
  const uint32_t rounded = size + 0xfff + (size >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - (112 << 23)) >> 13);
}

inline float ToFloat32One(uint16_t half) {
  constexpr float kSubnormalUnit = 1.0f / (1 << 24);
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, size = half & 0x7fff;
  const uint32_t fraction = size & 0x3ff;
  if (size >= 0x7c00) return FloatOf(sign | 0xff << 23 | fraction << 13 | (fraction != 0 ? 1 << 22 : 0));
  if (size < 0x400) return FloatOf(sign | BitsOf(static_cast<float>(fraction) * kSubnormalUnit));
  return FloatOf(sign | ((size << 13) + (112 << 23)));
}

inline uint8_t QuantizeOne(float value, float scale, float zero_point, int low, int high) {
  const float steps = value / scale;
  const float place = (steps == steps ? std::nearbyintf(steps) : 0) + zero_point;
  const float floor = static_cast<float>(low), ceiling = static_cast<float>(high);
  const float above = place > floor ? place : floor;
  return static_cast<uint8_t>(static_cast<int>(above < ceiling ? above : ceiling));
}

inline float DequantizeOne(int step, float scale, float zero_point) {
  return (static_cast<float>(step) - zero_point) * scale;
}

}  // namespace sightline
