#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/argmax/scalar.h"

#define AVX2 __attribute__((target("avx2")))

namespace sightline::avx2 {
namespace {

AVX2 inline void Store(__m256i bytes, uint8_t* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
}

AVX2 inline void Challenge(const float* values, __m256 challenger, __m256* best, __m256* winner) {
  const __m256 value = _mm256_loadu_ps(values);
  const __m256 wins = _mm256_cmp_ps(value, *best, _CMP_GT_OQ);
  *best = _mm256_blendv_ps(*best, value, wins);
  *winner = _mm256_blendv_ps(*winner, challenger, wins);
}

/** Four times eight numbers below 256 as bytes: packing goes by halves of a register, hence the order. */
AVX2 inline __m256i Narrow(const __m256 (&numbers)[4]) {
  __m256i whole[4];
  for (size_t k = 0; k < 4; k++) whole[k] = _mm256_castps_si256(numbers[k]);
  const __m256i packed =
      _mm256_packus_epi16(_mm256_packus_epi32(whole[0], whole[1]), _mm256_packus_epi32(whole[2], whole[3]));
  return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

AVX2 void ArgmaxF32(const float* planes, size_t classes, size_t count, uint8_t* out) {
  const __m256 lowest = _mm256_set1_ps(-std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256 best[4] = {lowest, lowest, lowest, lowest}, winner[4]{};
    for (size_t c = 0; c < classes; c++) {
      const __m256 challenger = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(c)));
      const float* values = planes + c * count + i;
      for (size_t k = 0; k < 4; k++) Challenge(values + k * 8, challenger, &best[k], &winner[k]);
    }
    Store(Narrow(winner), out + i);
  }
  for (; i < count; i++) out[i] = ArgmaxOne(planes, classes, count, i);
}

/** There is no unsigned comparison of bytes: with the sign turned around, they compare as signed ones. */
template <typename T>
AVX2 void ArgmaxBytes(const T* planes, size_t classes, size_t count, uint8_t* out) {
  const __m256i turn = _mm256_set1_epi8(std::is_signed_v<T> ? 0 : -128);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i best = _mm256_set1_epi8(-128), winner = _mm256_setzero_si256();
    for (size_t c = 0; c < classes; c++) {
      const auto* values = reinterpret_cast<const __m256i*>(planes + c * count + i);
      const __m256i value = _mm256_xor_si256(_mm256_loadu_si256(values), turn);
      const __m256i wins = _mm256_cmpgt_epi8(value, best);
      best = _mm256_max_epi8(value, best);
      winner = _mm256_blendv_epi8(winner, _mm256_set1_epi8(static_cast<char>(c)), wins);
    }
    Store(winner, out + i);
  }
  for (; i < count; i++) out[i] = ArgmaxOne(planes, classes, count, i);
}

}  // namespace

const ArgmaxOps kArgmax = {{ArgmaxF32, ArgmaxBytes<int8_t>, ArgmaxBytes<uint8_t>}};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
