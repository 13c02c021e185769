#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/scores/scores.h"

namespace sightline::neon {
namespace {

/** All bits of a value are set where it is `least` or more. */
inline uint8x16_t Reaches(const float* values, float least) {
  return vreinterpretq_u8_u32(vcgeq_f32(vld1q_f32(values), vdupq_n_f32(least)));
}

inline uint8x16_t Reaches(const int8_t* values, int8_t least) {
  return vcgeq_s8(vld1q_s8(values), vdupq_n_s8(least));
}

inline uint8x16_t Reaches(const uint8_t* values, uint8_t least) {
  return vcgeq_u8(vld1q_u8(values), vdupq_n_u8(least));
}

/** Four bits a byte, as there is no instruction that collects one. */
inline uint64_t Nibbles(uint8x16_t mask) {
  return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(mask), 4)), 0);
}

template <typename T>
size_t FirstReach(const T* values, size_t from, size_t count, T least) {
  constexpr size_t kLanes = 16 / sizeof(T);
  size_t i = from;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    const T* at = values + i;
    const uint8x16_t a = vorrq_u8(Reaches(at, least), Reaches(at + kLanes, least));
    const uint8x16_t b = vorrq_u8(Reaches(at + 2 * kLanes, least), Reaches(at + 3 * kLanes, least));
    if (vmaxvq_u8(vorrq_u8(a, b)) != 0) break;
  }
  for (; i + kLanes <= count; i += kLanes) {
    const uint64_t nibbles = Nibbles(Reaches(values + i, least));
    if (nibbles != 0) return i + static_cast<size_t>(__builtin_ctzll(nibbles)) / 4 / sizeof(T);
  }
  for (; i < count; i++) {
    if (values[i] >= least) return i;
  }
  return count;
}

}  // namespace

const ScoresOps kScores = {{FirstReach<float>, FirstReach<int8_t>, FirstReach<uint8_t>}};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
