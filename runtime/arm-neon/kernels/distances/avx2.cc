#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/distances/scalar.h"

#define AVX2 __attribute__((target("avx2,fma")))

namespace sightline::avx2 {
namespace {

static_assert(kTileRows == 4 && kTileQueries == 2 && kLanes == 8, "what the loops below are written for");

// Loops over rows are unrolled by name: left to its own, gcc keeps the sums in memory.

/** Sums of the four registers, each as (s0 + s1) + (s2 + s3) where s is its lower plus its upper half. */
AVX2 __m128 Sums(const __m256 (&lanes)[4]) {
  __m128 half[4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    half[r] = _mm_add_ps(_mm256_castps256_ps128(lanes[r]), _mm256_extractf128_ps(lanes[r], 1));
  }
  return _mm_hadd_ps(_mm_hadd_ps(half[0], half[1]), _mm_hadd_ps(half[2], half[3]));
}

AVX2 __m128i Sums(const __m256i (&lanes)[4]) {
  __m128i half[4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    half[r] = _mm_add_epi32(_mm256_castsi256_si128(lanes[r]), _mm256_extracti128_si256(lanes[r], 1));
  }
  return _mm_hadd_epi32(_mm_hadd_epi32(half[0], half[1]), _mm_hadd_epi32(half[2], half[3]));
}

/** Eight elements, or as many as `mask` has set, and zeros. */
AVX2 __m256 Load(const float* from) {
  return _mm256_loadu_ps(from);
}
AVX2 __m256 Load(const float* from, __m256i mask) {
  return _mm256_maskload_ps(from, mask);
}
AVX2 __m256i MaskOf(size_t count) {
  const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), places);
}

template <typename... Mask>
AVX2 inline void AddDots(const float* const* rows, const float* const* queries, size_t i, __m256 (&a)[4],
                         __m256 (&b)[4], Mask... mask) {
  const __m256 first = Load(queries[0] + i, mask...), second = Load(queries[1] + i, mask...);
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    const __m256 row = Load(rows[r] + i, mask...);
    a[r] = _mm256_fmadd_ps(row, first, a[r]);
    b[r] = _mm256_fmadd_ps(row, second, b[r]);
  }
}

AVX2 void Dots(const float* const* rows, const float* const* queries, size_t size, float* out) {
  const __m256 zero = _mm256_setzero_ps();
  __m256 a[4] = {zero, zero, zero, zero}, b[4] = {zero, zero, zero, zero};
  size_t i = 0;
  for (; i + 8 <= size; i += 8) AddDots(rows, queries, i, a, b);
  if (i < size) AddDots(rows, queries, i, a, b, MaskOf(size - i));
  _mm_storeu_ps(out, Sums(a));
  _mm_storeu_ps(out + 4, Sums(b));
}

template <typename... Mask>
AVX2 inline void AddSquares(const float* const* rows, const float* query, size_t i, __m256 (&sums)[4],
                            Mask... mask) {
  const __m256 other = Load(query + i, mask...);
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    const __m256 apart = _mm256_sub_ps(Load(rows[r] + i, mask...), other);
    sums[r] = _mm256_fmadd_ps(apart, apart, sums[r]);
  }
}

AVX2 void Squares(const float* const* rows, const float* query, size_t size, float* out) {
  const __m256 zero = _mm256_setzero_ps();
  __m256 sums[4] = {zero, zero, zero, zero};
  size_t i = 0;
  for (; i + 8 <= size; i += 8) AddSquares(rows, query, i, sums);
  if (i < size) AddSquares(rows, query, i, sums, MaskOf(size - i));
  _mm_storeu_ps(out, Sums(sums));
}

/** Sixteen elements as int16: a multiply-add of pairs of them fits int32. */
AVX2 __m256i Widen(const int8_t* from) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

AVX2 void DotsInt8(const int8_t* const* rows, const int8_t* const* queries, size_t size, int32_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i a[4] = {zero, zero, zero, zero}, b[4] = {zero, zero, zero, zero};
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const __m256i first = Widen(queries[0] + i), second = Widen(queries[1] + i);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      const __m256i row = Widen(rows[r] + i);
      a[r] = _mm256_add_epi32(a[r], _mm256_madd_epi16(row, first));
      b[r] = _mm256_add_epi32(b[r], _mm256_madd_epi16(row, second));
    }
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), Sums(a));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 4), Sums(b));
  AddRest(rows, queries, i, size, out);
}

AVX2 void SquaresInt8(const int8_t* const* rows, const int8_t* query, size_t size, uint32_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i sums[4] = {zero, zero, zero, zero};
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const __m256i other = Widen(query + i);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      const __m256i apart = _mm256_sub_epi16(Widen(rows[r] + i), other);
      sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(apart, apart));
    }
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), Sums(sums));
  AddRest(rows, query, i, size, out);
}

}  // namespace

const DistancesOps kDistances = {{Dots, Squares}, {DotsInt8, SquaresInt8}};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
