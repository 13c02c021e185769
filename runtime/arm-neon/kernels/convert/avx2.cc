#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/convert/scalar.h"

#define AVX2 __attribute__((target("avx2,f16c")))

namespace sightline::avx2 {
namespace {

AVX2 void ToFloat16(const float* in, size_t count, uint16_t* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), halves);
  }
  for (; i < count; i++) out[i] = ToFloat16One(in[i]);
}

AVX2 void ToFloat32(const uint16_t* in, size_t count, float* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(halves));
  }
  for (; i < count; i++) out[i] = ToFloat32One(in[i]);
}

/** Eight steps as int32. */
AVX2 __m256i Steps(const float* in, const float* scales, const float* zero_points, __m256 low, __m256 high) {
  const __m256 steps = _mm256_div_ps(_mm256_loadu_ps(in), _mm256_loadu_ps(scales));
  const __m256 numbers = _mm256_and_ps(steps, _mm256_cmp_ps(steps, steps, _CMP_ORD_Q));
  const __m256 whole = _mm256_round_ps(numbers, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256 place = _mm256_add_ps(whole, _mm256_loadu_ps(zero_points));
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(place, low), high));
}

AVX2 void Quantize(const float* in, const float* scales, const float* zero_points, int low, int high,
                   size_t count, uint8_t* out) {
  const __m256 lows = _mm256_set1_ps(static_cast<float>(low)),
               highs = _mm256_set1_ps(static_cast<float>(high));
  // Packing goes by halves of a register: this puts the four-byte groups back in order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i byte = _mm256_set1_epi32(0xff);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i part[4];
    for (size_t k = 0; k < 4; k++) {
      const size_t at = i + k * 8;
      part[k] = _mm256_and_si256(Steps(in + at, scales + at, zero_points + at, lows, highs), byte);
    }
    const __m256i packed =
        _mm256_packus_epi16(_mm256_packus_epi32(part[0], part[1]), _mm256_packus_epi32(part[2], part[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_permutevar8x32_epi32(packed, order));
  }
  for (; i < count; i++) out[i] = QuantizeOne(in[i], scales[i], zero_points[i], low, high);
}

AVX2 __m256i Widen(const int8_t* from) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}
AVX2 __m256i Widen(const uint8_t* from) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}

template <typename Step>
AVX2 void Dequantize(const Step* in, const float* scales, const float* zero_points, size_t count,
                     float* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 steps = _mm256_sub_ps(_mm256_cvtepi32_ps(Widen(in + i)), _mm256_loadu_ps(zero_points + i));
    _mm256_storeu_ps(out + i, _mm256_mul_ps(steps, _mm256_loadu_ps(scales + i)));
  }
  for (; i < count; i++) out[i] = DequantizeOne(in[i], scales[i], zero_points[i]);
}

}  // namespace

const ConvertOps kConvert = {ToFloat16, ToFloat32, Quantize, Dequantize<int8_t>, Dequantize<uint8_t>};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
