#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/yolo/yolo.h"

#define AVX2 __attribute__((target("avx2")))

namespace sightline::avx2 {
namespace {

AVX2 inline __m256 Load(const float* from) {
  return _mm256_loadu_ps(from);
}

AVX2 inline __m256i Load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

AVX2 inline void Store(__m256 values, float* to) {
  _mm256_storeu_ps(to, values);
}

AVX2 inline void Store(__m256i values, void* to) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), values);
}

/** `best` where `value` is NaN: the instruction gives its second operand then. */
AVX2 inline __m256 Greater(__m256 value, __m256 best, float) {
  return _mm256_max_ps(value, best);
}

AVX2 inline __m256i Greater(__m256i value, __m256i best, int8_t) {
  return _mm256_max_epi8(value, best);
}

AVX2 inline __m256i Greater(__m256i value, __m256i best, uint8_t) {
  return _mm256_max_epu8(value, best);
}

AVX2 inline __m256 Splat(float value) {
  return _mm256_set1_ps(value);
}

AVX2 inline __m256i Splat(int8_t value) {
  return _mm256_set1_epi8(value);
}

AVX2 inline __m256i Splat(uint8_t value) {
  return _mm256_set1_epi8(static_cast<char>(value));
}

/** Two cache lines of each row at a time, the best of them in registers. */
template <typename T>
AVX2 void MaxByRow(const T* rows, size_t row_count, size_t stride, size_t count, T* best) {
  constexpr size_t kLanes = 32 / sizeof(T);
  size_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    auto a = Splat(kLowest<T>), b = a, c = a, d = a;
    const T* at = rows + i;
    for (size_t r = 0; r < row_count; r++, at += stride) {
      a = Greater(Load(at), a, T{});
      b = Greater(Load(at + kLanes), b, T{});
      c = Greater(Load(at + 2 * kLanes), c, T{});
      d = Greater(Load(at + 3 * kLanes), d, T{});
    }
    Store(a, best + i);
    Store(b, best + i + kLanes);
    Store(c, best + i + 2 * kLanes);
    Store(d, best + i + 3 * kLanes);
  }
  for (; i < count; i++) {
    best[i] = kLowest<T>;
    for (size_t r = 0; r < row_count; r++) {
      const T value = rows[r * stride + i];
      best[i] = value > best[i] ? value : best[i];
    }
  }
}

template <typename T>
AVX2 T Max(const T* values, size_t count) {
  constexpr size_t kLanes = 32 / sizeof(T);
  auto best = Splat(kLowest<T>);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) best = Greater(Load(values + i), best, T{});
  T lanes[kLanes], top = kLowest<T>;
  Store(best, lanes);
  for (const T value : lanes) top = value > top ? value : top;
  for (; i < count; i++) top = values[i] > top ? values[i] : top;
  return top;
}

}  // namespace

const YoloOps kYolo = {{MaxByRow<float>, MaxByRow<int8_t>, MaxByRow<uint8_t>},
                       {Max<float>, Max<int8_t>, Max<uint8_t>}};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
