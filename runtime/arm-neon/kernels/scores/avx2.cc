#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/scores/scores.h"

#define AVX2 __attribute__((target("avx2")))

namespace sightline::avx2 {
namespace {

AVX2 inline __m256i Load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

/** All bits of a value are set where it is `least` or more. */
AVX2 inline __m256i Reaches(const float* values, float least) {
  return _mm256_castps_si256(_mm256_cmp_ps(_mm256_loadu_ps(values), _mm256_set1_ps(least), _CMP_GE_OQ));
}

AVX2 inline __m256i Reaches(const int8_t* values, int8_t least) {
  const __m256i stored = Load(values);
  return _mm256_cmpeq_epi8(_mm256_max_epi8(stored, _mm256_set1_epi8(least)), stored);
}

AVX2 inline __m256i Reaches(const uint8_t* values, uint8_t least) {
  const __m256i stored = Load(values);
  return _mm256_cmpeq_epi8(_mm256_max_epu8(stored, _mm256_set1_epi8(static_cast<char>(least))), stored);
}

template <typename T>
AVX2 size_t FirstReach(const T* values, size_t from, size_t count, T least) {
  constexpr size_t kLanes = 32 / sizeof(T);
  size_t i = from;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    const T* at = values + i;
    const __m256i a = _mm256_or_si256(Reaches(at, least), Reaches(at + kLanes, least));
    const __m256i b = _mm256_or_si256(Reaches(at + 2 * kLanes, least), Reaches(at + 3 * kLanes, least));
    const __m256i any = _mm256_or_si256(a, b);
    if (_mm256_testz_si256(any, any) == 0) break;
  }
  for (; i + kLanes <= count; i += kLanes) {
    const auto bytes = static_cast<unsigned>(_mm256_movemask_epi8(Reaches(values + i, least)));
    if (bytes != 0) return i + static_cast<size_t>(__builtin_ctz(bytes)) / sizeof(T);
  }
  for (; i < count; i++) {
    if (values[i] >= least) return i;
  }
  return count;
}

}  // namespace

const ScoresOps kScores = {{FirstReach<float>, FirstReach<int8_t>, FirstReach<uint8_t>}};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
