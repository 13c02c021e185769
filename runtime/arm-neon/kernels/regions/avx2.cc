#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/regions/regions.h"

#define AVX2 __attribute__((target("avx2")))

namespace sightline::avx2 {
namespace {

AVX2 size_t Fall(const float* values, size_t from, size_t count, float least) {
  const __m256 bound = _mm256_set1_ps(least);
  size_t i = from;
  for (; i + 8 <= count; i += 8) {
    const __m256 falls = _mm256_cmp_ps(_mm256_loadu_ps(values + i), bound, _CMP_NGE_UQ);
    const auto lanes = static_cast<unsigned>(_mm256_movemask_ps(falls));
    if (lanes != 0) return i + static_cast<size_t>(__builtin_ctz(lanes));
  }
  for (; i < count; i++) {
    if (!(values[i] >= least)) return i;
  }
  return count;
}

AVX2 size_t Change(const uint8_t* values, size_t from, size_t count, uint8_t value) {
  const __m256i wanted = _mm256_set1_epi8(static_cast<char>(value));
  size_t i = from;
  for (; i + 32 <= count; i += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + i));
    const auto others = ~static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, wanted)));
    if (others != 0) return i + static_cast<size_t>(__builtin_ctz(others));
  }
  for (; i < count; i++) {
    if (values[i] != value) return i;
  }
  return count;
}

}  // namespace

const RegionsOps kRegions = {Fall, Change};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
