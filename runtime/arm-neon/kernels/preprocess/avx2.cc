#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "kernels/preprocess/scalar.h"

#define AVX2 __attribute__((target("avx2")))

namespace sightline::avx2 {
namespace {

AVX2 __m256i LoadBytes(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

/** A row as it is, with the fraction of blended ones. */
AVX2 void Lift(const uint8_t* row, size_t bytes, uint16_t* out) {
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    const __m128i samples = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                        _mm256_slli_epi16(_mm256_cvtepu8_epi16(samples), kBlendBits));
  }
  for (; i < bytes; i++) out[i] = static_cast<uint16_t>(row[i] << kBlendBits);
}

/** Two weights as the multiply-add wants them beside two rows' samples. */
AVX2 inline __m256i PairOf(const int16_t* weights) {
  int32_t both;
  std::memcpy(&both, weights, sizeof both);
  return _mm256_set1_epi32(both);
}

/** Adds 32 samples of two rows: interleaved, they meet their pair of weights in one multiply-add. */
AVX2 inline void AddPair(const uint8_t* row_a, const uint8_t* row_b, __m256i weights, __m256i (&sum)[4]) {
  // Unpacking and packing both work within halves of a register, so that the order comes out right.
  const __m256i zero = _mm256_setzero_si256();
  const __m256i a = LoadBytes(row_a), b = LoadBytes(row_b);
  const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
  sum[0] = _mm256_add_epi32(sum[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), weights));
  sum[1] = _mm256_add_epi32(sum[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), weights));
  sum[2] = _mm256_add_epi32(sum[2], _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), weights));
  sum[3] = _mm256_add_epi32(sum[3], _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), weights));
}

AVX2 inline void StoreBlended(const __m256i (&sum)[4], uint16_t* out) {
  constexpr int kShift = kWeightBits - kBlendBits;
  const __m256i low =
      _mm256_packus_epi32(_mm256_srli_epi32(sum[0], kShift), _mm256_srli_epi32(sum[1], kShift));
  const __m256i high =
      _mm256_packus_epi32(_mm256_srli_epi32(sum[2], kShift), _mm256_srli_epi32(sum[3], kShift));
  auto* target = reinterpret_cast<__m256i*>(out);
  _mm256_storeu_si256(target, _mm256_permute2x128_si256(low, high, 0x20));
  _mm256_storeu_si256(target + 1, _mm256_permute2x128_si256(low, high, 0x31));
}

/** The rows of the next output: where few are read for each, the hardware's own prefetcher comes too late. */
template <size_t kTaps>
AVX2 inline void Prefetch(const uint8_t* const* rows, size_t at) {
  const size_t ahead = (kTaps - 1) * static_cast<size_t>(rows[1] - rows[0]);
  for (size_t t = 0; t < kTaps; t++) {
    // A number, as it may lie behind the picture's end.
    const uintptr_t address = reinterpret_cast<uintptr_t>(rows[t]) + at + ahead;
    _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T1);
  }
}

/** `kTaps` rows, their number known; 0: `taps`. */
template <size_t kTaps>
AVX2 size_t BlendBlocks(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t bytes,
                        uint16_t* out) {
  const size_t n = kTaps == 0 ? taps : kTaps;
  const __m256i half = _mm256_set1_epi32(1 << (kWeightBits - kBlendBits - 1));
  size_t i = 0;
  for (; i + 32 <= bytes; i += 32) {
    if (kTaps != 0 && i % 64 == 0) Prefetch<kTaps>(rows, i);
    __m256i sum[4] = {half, half, half, half};
    for (size_t t = 0; t < n; t += 2) AddPair(rows[t] + i, rows[t + 1] + i, PairOf(weights + t), sum);
    StoreBlended(sum, out + i);
  }
  return i;
}

AVX2 void Blend(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t bytes,
                uint16_t* out) {
  if (weights[0] == 1 << kWeightBits) return Lift(rows[0], bytes, out);
  size_t i;
  if (taps == 2) {
    const uint8_t* const two[] = {rows[0], rows[1]};
    i = BlendBlocks<2>(two, weights, taps, bytes, out);
  } else if (taps == 4) {
    const uint8_t* const four[] = {rows[0], rows[1], rows[2], rows[3]};
    i = BlendBlocks<4>(four, weights, taps, bytes, out);
  } else {
    i = BlendBlocks<0>(rows, weights, taps, bytes, out);
  }
  for (; i < bytes; i++) out[i] = BlendOne(rows, weights, taps, i);
}

AVX2 void Split2(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b) {
  const __m256i even = _mm256_set1_epi32(0xffff);
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256i first = LoadBytes(samples + i * 2), second = LoadBytes(samples + i * 2 + 16);
    const __m256i as = _mm256_packus_epi32(_mm256_and_si256(first, even), _mm256_and_si256(second, even));
    const __m256i bs = _mm256_packus_epi32(_mm256_srli_epi32(first, 16), _mm256_srli_epi32(second, 16));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(a + i), _mm256_permute4x64_epi64(as, 0xd8));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(b + i), _mm256_permute4x64_epi64(bs, 0xd8));
  }
  for (; i < count; i++) Split2One(samples, i, a, b);
}

AVX2 inline void StoreScaled(__m256 values, Affine affine, float* out) {
  const __m256 scaled = _mm256_mul_ps(values, _mm256_set1_ps(affine.scale));
  _mm256_storeu_ps(out, _mm256_add_ps(scaled, _mm256_set1_ps(affine.offset)));
}

/** Eight of every third sample: each of three registers holds some, in places that do not overlap. */
AVX2 __m128i EveryThird(__m128i x, __m128i y, __m128i z, __m128i order) {
  return _mm_shuffle_epi8(_mm_blend_epi16(_mm_blend_epi16(x, y, 0x92), z, 0x24), order);
}

AVX2 void Split3(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b, uint16_t* c) {
  // After blending, sample k of a channel stands at place (3k + channel) mod 8.
  const __m128i order = _mm_setr_epi8(0, 1, 6, 7, 12, 13, 2, 3, 8, 9, 14, 15, 4, 5, 10, 11);
  const __m128i order_b = _mm_setr_epi8(2, 3, 8, 9, 14, 15, 4, 5, 10, 11, 0, 1, 6, 7, 12, 13);
  const __m128i order_c = _mm_setr_epi8(4, 5, 10, 11, 0, 1, 6, 7, 12, 13, 2, 3, 8, 9, 14, 15);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const auto* from = reinterpret_cast<const __m128i*>(samples + i * 3);
    const __m128i x = _mm_loadu_si128(from), y = _mm_loadu_si128(from + 1), z = _mm_loadu_si128(from + 2);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(a + i), EveryThird(x, y, z, order));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(b + i), EveryThird(z, x, y, order_b));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(c + i), EveryThird(y, z, x, order_c));
  }
  for (; i < count; i++) Split3One(samples, i, a, b, c);
}

/** Eight samples each of two outputs, four outputs apart, as the adds in `Filter` want them. */
AVX2 __m256i TwoRuns(const void* low, const void* high) {
  const __m128i first = _mm_loadu_si128(static_cast<const __m128i*>(low));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first),
                                 _mm_loadu_si128(static_cast<const __m128i*>(high)), 1);
}

/** The weighted samples of two outputs, four apart, each summed to four numbers. `n` is a multiple of 8. */
AVX2 inline __m256i Weighted(const uint16_t* low, const uint16_t* high, const int16_t* weights, size_t n) {
  const int16_t* high_weights = weights + 4 * n;
  __m256i sum = _mm256_madd_epi16(TwoRuns(low, high), TwoRuns(weights, high_weights));
  for (size_t t = 8; t < n; t += 8) {
    const __m256i samples = TwoRuns(low + t, high + t);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, TwoRuns(weights + t, high_weights + t)));
  }
  return sum;
}

/** Eight outputs; horizontal adds of four registers leave them in order. */
AVX2 inline __m256 Filter8(const uint16_t* samples, const uint32_t* first, const int16_t* weights, size_t n) {
  __m256i sum[4];
  for (size_t k = 0; k < 4; k++) {
    sum[k] = Weighted(samples + first[k], samples + first[k + 4], weights + k * n, n);
  }
  const __m256i total =
      _mm256_hadd_epi32(_mm256_hadd_epi32(sum[0], sum[1]), _mm256_hadd_epi32(sum[2], sum[3]));
  return _mm256_mul_ps(_mm256_cvtepi32_ps(total), _mm256_set1_ps(kFilterUnit));
}

/** Four samples each of four outputs: i, i + 1, i + 4 and i + 5. */
AVX2 inline __m256i FourRuns(const uint16_t* samples, const uint32_t* first) {
  const auto load = [samples](uint32_t at)
                        AVX2 { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(samples + at)); };
  const __m128i low = _mm_unpacklo_epi64(load(first[0]), load(first[1]));
  const __m128i high = _mm_unpacklo_epi64(load(first[4]), load(first[5]));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/** Eight outputs of four taps. */
AVX2 inline __m256 Filter8By4(const uint16_t* samples, const uint32_t* first, const int16_t* weights) {
  const __m256i a = _mm256_madd_epi16(FourRuns(samples, first), TwoRuns(weights, weights + 16));
  const __m256i b = _mm256_madd_epi16(FourRuns(samples, first + 2), TwoRuns(weights + 8, weights + 24));
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_hadd_epi32(a, b)), _mm256_set1_ps(kFilterUnit));
}

AVX2 void Filter(const uint16_t* samples, const Taps& taps, size_t count, Affine affine, float* out) {
  const size_t n = taps.count;
  const uint32_t* first = taps.first.data();
  const int16_t* weights = taps.weights.data();
  size_t i = 0;
  if (n == 4) {
    for (; i + 8 <= count; i += 8)
      StoreScaled(Filter8By4(samples, first + i, weights + i * 4), affine, out + i);
  } else if (n == 8) {
    for (; i + 8 <= count; i += 8)
      StoreScaled(Filter8(samples, first + i, weights + i * 8, 8), affine, out + i);
  } else {
    for (; i + 8 <= count; i += 8)
      StoreScaled(Filter8(samples, first + i, weights + i * n, n), affine, out + i);
  }
  for (; i < count; i++) out[i] = FilterOne(samples + first[i], weights + i * n, n, affine);
}

AVX2 void Widen(const uint16_t* samples, size_t count, Affine affine, float* out) {
  const __m256 unit = _mm256_set1_ps(kWidenUnit);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(samples + i));
    StoreScaled(_mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(eight)), unit), affine, out + i);
  }
  for (; i < count; i++) out[i] = WidenOne(samples[i], affine);
}

AVX2 void Mix(const float* a, const float* b, const float* c, const float* m, size_t count, Affine affine,
              float* out) {
  const __m256 m0 = _mm256_set1_ps(m[0]), m1 = _mm256_set1_ps(m[1]), m2 = _mm256_set1_ps(m[2]);
  const __m256 m3 = _mm256_set1_ps(m[3]), zero = _mm256_setzero_ps(), full = _mm256_set1_ps(255);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 ab =
        _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(a + i), m0), _mm256_mul_ps(_mm256_loadu_ps(b + i), m1));
    const __m256 abc = _mm256_add_ps(_mm256_add_ps(ab, _mm256_mul_ps(_mm256_loadu_ps(c + i), m2)), m3);
    StoreScaled(_mm256_min_ps(_mm256_max_ps(abc, zero), full), affine, out + i);
  }
  for (; i < count; i++) out[i] = MixOne(a[i], b[i], c[i], m, affine);
}

AVX2 __m256i Whole(const float* in, __m256 low, __m256 high) {
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(_mm256_loadu_ps(in), low), high));
}

AVX2 void Quantize(const float* in, int low, int high, size_t count, uint8_t* out) {
  const __m256 lows = _mm256_set1_ps(static_cast<float>(low)),
               highs = _mm256_set1_ps(static_cast<float>(high));
  // Packing goes by halves of a register: this puts the four-byte groups back in order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i byte = _mm256_set1_epi32(0xff);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i part[4];
    for (size_t k = 0; k < 4; k++) part[k] = _mm256_and_si256(Whole(in + i + k * 8, lows, highs), byte);
    const __m256i packed =
        _mm256_packus_epi16(_mm256_packus_epi32(part[0], part[1]), _mm256_packus_epi32(part[2], part[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_permutevar8x32_epi32(packed, order));
  }
  for (; i < count; i++) out[i] = QuantizeOne(in[i], low, high);
}

AVX2 void Interleave3F32(const float* a, const float* b, const float* c, size_t count, float* out) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m128 as = _mm_loadu_ps(a + i), bs = _mm_loadu_ps(b + i), cs = _mm_loadu_ps(c + i);
    const __m128 ab = _mm_unpacklo_ps(as, bs), ab_high = _mm_unpackhi_ps(as, bs);
    const __m128 ca = _mm_shuffle_ps(cs, as, _MM_SHUFFLE(1, 1, 0, 0));
    const __m128 bc = _mm_unpacklo_ps(bs, cs), bc_high = _mm_unpackhi_ps(bs, cs);
    const __m128 ca_high = _mm_shuffle_ps(cs, as, _MM_SHUFFLE(3, 3, 2, 2));
    _mm_storeu_ps(out + i * 3, _mm_shuffle_ps(ab, ca, _MM_SHUFFLE(2, 0, 1, 0)));
    _mm_storeu_ps(out + i * 3 + 4, _mm_shuffle_ps(bc, ab_high, _MM_SHUFFLE(1, 0, 3, 2)));
    _mm_storeu_ps(out + i * 3 + 8, _mm_shuffle_ps(ca_high, bc_high, _MM_SHUFFLE(3, 2, 2, 0)));
  }
  for (; i < count; i++) Interleave3One(a, b, c, i, out);
}

/** Where in sixteen samples of a channel byte `k` of the 48 interleaved ones comes from; negative: elsewhere.
 */
constexpr char From(int k, int channel) {
  return k % 3 == channel ? static_cast<char>(k / 3) : static_cast<char>(-1);
}

template <int kFirst, int kChannel>
AVX2 __m128i Spread(__m128i samples) {
  constexpr int f = kFirst, ch = kChannel;
  return _mm_shuffle_epi8(
      samples, _mm_setr_epi8(From(f, ch), From(f + 1, ch), From(f + 2, ch), From(f + 3, ch), From(f + 4, ch),
                             From(f + 5, ch), From(f + 6, ch), From(f + 7, ch), From(f + 8, ch),
                             From(f + 9, ch), From(f + 10, ch), From(f + 11, ch), From(f + 12, ch),
                             From(f + 13, ch), From(f + 14, ch), From(f + 15, ch)));
}

template <int kFirst>
AVX2 void Store16(__m128i a, __m128i b, __m128i c, uint8_t* out) {
  const __m128i ab = _mm_or_si128(Spread<kFirst, 0>(a), Spread<kFirst, 1>(b));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + kFirst), _mm_or_si128(ab, Spread<kFirst, 2>(c)));
}

AVX2 void Interleave3U8(const uint8_t* a, const uint8_t* b, const uint8_t* c, size_t count, uint8_t* out) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i as = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i));
    const __m128i bs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i));
    const __m128i cs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(c + i));
    Store16<0>(as, bs, cs, out + i * 3);
    Store16<16>(as, bs, cs, out + i * 3);
    Store16<32>(as, bs, cs, out + i * 3);
  }
  for (; i < count; i++) Interleave3One(a, b, c, i, out);
}

}  // namespace

const PreprocessOps kPreprocess = {Blend, Split2,   Split3,         Filter,       Widen,
                                   Mix,   Quantize, Interleave3F32, Interleave3U8};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
