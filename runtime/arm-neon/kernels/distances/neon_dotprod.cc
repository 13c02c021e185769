#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/distances/neon.h"
#include "kernels/distances/scalar.h"

#define DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))

namespace sightline::neon_dotprod {
namespace {

static_assert(kTileRows == 4 && kTileQueries == 2, "what the loops below are written for");

// Loops over rows are unrolled by name: left to its own, gcc keeps the sums in memory.

DOTPROD void DotsInt8(const int8_t* const* rows, const int8_t* const* queries, size_t size, int32_t* out) {
  int32x4_t a[4] = {}, b[4] = {};
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const int8x16_t first = vld1q_s8(queries[0] + i), second = vld1q_s8(queries[1] + i);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      const int8x16_t row = vld1q_s8(rows[r] + i);
      a[r] = vdotq_s32(a[r], row, first);
      b[r] = vdotq_s32(b[r], row, second);
    }
  }
  vst1q_s32(out, vpaddq_s32(vpaddq_s32(a[0], a[1]), vpaddq_s32(a[2], a[3])));
  vst1q_s32(out + 4, vpaddq_s32(vpaddq_s32(b[0], b[1]), vpaddq_s32(b[2], b[3])));
  AddRest(rows, queries, i, size, out);
}

DOTPROD void SquaresInt8(const int8_t* const* rows, const int8_t* query, size_t size, uint32_t* out) {
  uint32x4_t sums[4] = {};
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const int8x16_t other = vld1q_s8(query + i);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      const uint8x16_t apart = vreinterpretq_u8_s8(vabdq_s8(vld1q_s8(rows[r] + i), other));
      sums[r] = vdotq_u32(sums[r], apart, apart);
    }
  }
  vst1q_u32(out, vpaddq_u32(vpaddq_u32(sums[0], sums[1]), vpaddq_u32(sums[2], sums[3])));
  AddRest(rows, query, i, size, out);
}

}  // namespace

const DistancesOps kDistances = {{neon::Dots, neon::Squares}, {DotsInt8, SquaresInt8}};

}  // namespace sightline::neon_dotprod

#endif  // defined(__aarch64__)
