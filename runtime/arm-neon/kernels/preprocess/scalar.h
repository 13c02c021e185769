#pragma once

#include <cmath>

#include "kernels/preprocess/preprocess.h"

namespace sightline {

/** What one of a filtered, and of a blended, sample's units is worth in grey levels. */
constexpr float kFilterUnit = 1.0f / (1 << (kWeightBits + kBlendBits));
constexpr float kWidenUnit = 1.0f / (1 << kBlendBits);

/** One element of each loop: all of `generic`, and the ends of rows in the other variants. */

inline uint16_t BlendOne(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t i) {
  int32_t sum = 1 << (kWeightBits - kBlendBits - 1);
  for (size_t t = 0; t < taps; t++) sum += rows[t][i] * weights[t];
  return static_cast<uint16_t>(sum >> (kWeightBits - kBlendBits));
}

inline float ScaleOne(float value, Affine affine) {
  return value * affine.scale + affine.offset;
}

inline float FilterOne(const uint16_t* samples, const int16_t* weights, size_t taps, Affine affine) {
  int32_t sum = 0;
  for (size_t t = 0; t < taps; t++) sum += samples[t] * weights[t];
  return ScaleOne(static_cast<float>(sum) * kFilterUnit, affine);
}

inline float WidenOne(uint16_t sample, Affine affine) {
  return ScaleOne(static_cast<float>(sample) * kWidenUnit, affine);
}

inline float MixOne(float a, float b, float c, const float* m, Affine affine) {
  const float mixed = a * m[0] + b * m[1] + c * m[2] + m[3];
  const float positive = mixed > 0 ? mixed : 0;
  return ScaleOne(positive < 255 ? positive : 255, affine);
}

inline void Split2One(const uint16_t* samples, size_t i, uint16_t* a, uint16_t* b) {
  a[i] = samples[i * 2];
  b[i] = samples[i * 2 + 1];
}

inline void Split3One(const uint16_t* samples, size_t i, uint16_t* a, uint16_t* b, uint16_t* c) {
  a[i] = samples[i * 3];
  b[i] = samples[i * 3 + 1];
  c[i] = samples[i * 3 + 2];
}

template <typename T>
void Interleave3One(const T* a, const T* b, const T* c, size_t i, T* out) {
  out[i * 3] = a[i];
  out[i * 3 + 1] = b[i];
  out[i * 3 + 2] = c[i];
}

inline uint8_t QuantizeOne(float value, int low, int high) {
  const float floor = static_cast<float>(low), ceiling = static_cast<float>(high);
  const float above = value > floor ? value : floor;
  const float within = above < ceiling ? above : ceiling;
  return static_cast<uint8_t>(static_cast<int>(std::nearbyintf(within)));
}

}  // namespace sightline
