#if defined(__aarch64__)

#include "kernels/distances/neon.h"

#include <arm_neon.h>

#include <algorithm>
#include <cstring>

#include "kernels/distances/scalar.h"

namespace sightline::neon {
namespace {

static_assert(kTileRows == 4 && kTileQueries == 2 && kLanes == 8, "what the loops below are written for");

// Loops over rows are unrolled by name: left to its own, gcc keeps the sums in memory.

/** Partial sums of four pairs: half of the eight lanes of each. */
using Sums = float32x4_t[4];

/** Four elements, or as many as `count`, and zeros. */
inline float32x4_t Load(const float* from) {
  return vld1q_f32(from);
}
inline float32x4_t Load(const float* from, size_t count) {
  float padded[4] = {};
  std::memcpy(padded, from, count * sizeof(float));
  return vld1q_f32(padded);
}

/** Each as (s0 + s1) + (s2 + s3) where s is the lower half plus the upper. */
inline float32x4_t Total(const Sums& low, const Sums& high) {
  return vpaddq_f32(vpaddq_f32(vaddq_f32(low[0], high[0]), vaddq_f32(low[1], high[1])),
                    vpaddq_f32(vaddq_f32(low[2], high[2]), vaddq_f32(low[3], high[3])));
}

template <typename... Count>
inline void AddDots(const float* const* rows, const float* const* queries, size_t i, Sums& a, Sums& b,
                    Count... count) {
  const float32x4_t first = Load(queries[0] + i, count...), second = Load(queries[1] + i, count...);
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    const float32x4_t row = Load(rows[r] + i, count...);
    a[r] = vfmaq_f32(a[r], row, first);
    b[r] = vfmaq_f32(b[r], row, second);
  }
}

template <typename... Count>
inline void AddSquares(const float* const* rows, const float* query, size_t i, Sums& sums, Count... count) {
  const float32x4_t other = Load(query + i, count...);
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    const float32x4_t apart = vsubq_f32(Load(rows[r] + i, count...), other);
    sums[r] = vfmaq_f32(sums[r], apart, apart);
  }
}

}  // namespace

void Dots(const float* const* rows, const float* const* queries, size_t size, float* out) {
  const float32x4_t zero = vdupq_n_f32(0);
  Sums a = {zero, zero, zero, zero}, a_high = {zero, zero, zero, zero};
  Sums b = {zero, zero, zero, zero}, b_high = {zero, zero, zero, zero};
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    AddDots(rows, queries, i, a, b);
    AddDots(rows, queries, i + 4, a_high, b_high);
  }
  if (i < size) AddDots(rows, queries, i, a, b, std::min(size - i, size_t{4}));
  if (i + 4 < size) AddDots(rows, queries, i + 4, a_high, b_high, size - i - 4);
  vst1q_f32(out, Total(a, a_high));
  vst1q_f32(out + 4, Total(b, b_high));
}

void Squares(const float* const* rows, const float* query, size_t size, float* out) {
  const float32x4_t zero = vdupq_n_f32(0);
  Sums sums = {zero, zero, zero, zero}, high = {zero, zero, zero, zero};
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    AddSquares(rows, query, i, sums);
    AddSquares(rows, query, i + 4, high);
  }
  if (i < size) AddSquares(rows, query, i, sums, std::min(size - i, size_t{4}));
  if (i + 4 < size) AddSquares(rows, query, i + 4, high, size - i - 4);
  vst1q_f32(out, Total(sums, high));
}

namespace {

inline int32x4_t Total(const int32x4_t (&s)[4]) {
  return vpaddq_s32(vpaddq_s32(s[0], s[1]), vpaddq_s32(s[2], s[3]));
}

/** Two products of int8 may just exceed int16, so each goes to int32 with its neighbour. */
inline int32x4_t AddDot(int32x4_t sum, int8x16_t a, int8x16_t b) {
  sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
  return vpadalq_s16(sum, vmull_high_s8(a, b));
}

void DotsInt8(const int8_t* const* rows, const int8_t* const* queries, size_t size, int32_t* out) {
  int32x4_t a[4] = {}, b[4] = {};
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const int8x16_t first = vld1q_s8(queries[0] + i), second = vld1q_s8(queries[1] + i);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      const int8x16_t row = vld1q_s8(rows[r] + i);
      a[r] = AddDot(a[r], row, first);
      b[r] = AddDot(b[r], row, second);
    }
  }
  vst1q_s32(out, Total(a));
  vst1q_s32(out + 4, Total(b));
  AddRest(rows, queries, i, size, out);
}

void SquaresInt8(const int8_t* const* rows, const int8_t* query, size_t size, uint32_t* out) {
  uint32x4_t sums[4] = {};
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const int8x16_t other = vld1q_s8(query + i);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      // A difference of two int8 is at most 255 in size, and its square fits uint16.
      const uint8x16_t apart = vreinterpretq_u8_s8(vabdq_s8(vld1q_s8(rows[r] + i), other));
      sums[r] = vpadalq_u16(sums[r], vmull_u8(vget_low_u8(apart), vget_low_u8(apart)));
      sums[r] = vpadalq_u16(sums[r], vmull_high_u8(apart, apart));
    }
  }
  vst1q_u32(out, vpaddq_u32(vpaddq_u32(sums[0], sums[1]), vpaddq_u32(sums[2], sums[3])));
  AddRest(rows, query, i, size, out);
}

}  // namespace

const DistancesOps kDistances = {{Dots, Squares}, {DotsInt8, SquaresInt8}};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
