#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/regions/regions.h"

namespace sightline::neon {
namespace {

/** Where the first zero byte of 16 stands, four bits a byte; 16 when there is none. */
inline size_t FirstZero(uint8x16_t mask) {
  const uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(vmvnq_u8(mask)), 4);
  const uint64_t bits = vget_lane_u64(vreinterpret_u64_u8(nibbles), 0);
  return bits == 0 ? 16 : static_cast<size_t>(__builtin_ctzll(bits)) / 4;
}

size_t Fall(const float* values, size_t from, size_t count, float least) {
  size_t i = from;
  for (; i + 4 <= count; i += 4) {
    const uint32x4_t reaches = vcgeq_f32(vld1q_f32(values + i), vdupq_n_f32(least));
    const size_t first = FirstZero(vreinterpretq_u8_u32(reaches));
    if (first < 16) return i + first / sizeof(float);
  }
  for (; i < count; i++) {
    if (!(values[i] >= least)) return i;
  }
  return count;
}

size_t Change(const uint8_t* values, size_t from, size_t count, uint8_t value) {
  size_t i = from;
  for (; i + 16 <= count; i += 16) {
    const size_t first = FirstZero(vceqq_u8(vld1q_u8(values + i), vdupq_n_u8(value)));
    if (first < 16) return i + first;
  }
  for (; i < count; i++) {
    if (values[i] != value) return i;
  }
  return count;
}

}  // namespace

const RegionsOps kRegions = {Fall, Change};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
