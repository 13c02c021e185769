#pragma once

#include <cmath>

#include "kernels/preprocess/preprocess.h"

namespace sightline {

/** One element of each loop: all of `generic`, and the ends of rows in the other variants. */

inline uint16_t BlendOne(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t i) {
  int32_t sum = 1 << (kWeightBits - kBlendBits - 1);
  for (size_t t = 0; t < taps; t++) sum += rows[t][i] * weights[t];
  return static_cast<uint16_t>(sum >> (kWeightBits - kBlendBits));
}

inline float FilterOne(const uint16_t* samples, const int16_t* weights, size_t taps) {
  int32_t sum = 0;
  for (size_t t = 0; t < taps; t++) sum += samples[t] * weights[t];
  return static_cast<float>(sum) * (1.0f / (1 << (kWeightBits + kBlendBits)));
}

inline float WidenOne(uint16_t sample) {
  return static_cast<float>(sample) * (1.0f / (1 << kBlendBits));
}

inline float MixOne(float a, float b, float c, const float* m) {
  const float mixed = a * m[0] + b * m[1] + c * m[2] + m[3];
  const float positive = mixed > 0 ? mixed : 0;
  return positive < 255 ? positive : 255;
}

inline uint8_t QuantizeOne(float value, int low, int high) {
  const float floor = static_cast<float>(low), ceiling = static_cast<float>(high);
  const float above = value > floor ? value : floor;
  const float within = above < ceiling ? above : ceiling;
  return static_cast<uint8_t>(static_cast<int>(std::nearbyintf(within)));
}

}  // namespace sightline
