#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/preprocess/scalar.h"

namespace sightline::neon {
namespace {

/** A row as it is, with the fraction of blended ones. */
void Lift(const uint8_t* row, size_t bytes, uint16_t* out) {
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    const uint8x16_t samples = vld1q_u8(row + i);
    vst1q_u16(out + i, vshll_n_u8(vget_low_u8(samples), kBlendBits));
    vst1q_u16(out + i + 8, vshll_high_n_u8(samples, kBlendBits));
  }
  for (; i < bytes; i++) out[i] = static_cast<uint16_t>(row[i] << kBlendBits);
}

/** `kTaps` rows, their number known; 0: `taps`. */
template <size_t kTaps>
size_t BlendBlocks(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t bytes,
                   uint16_t* out) {
  constexpr int kShift = kWeightBits - kBlendBits;
  const size_t n = kTaps == 0 ? taps : kTaps;
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    uint32x4_t sum[4] = {vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0)};
    for (size_t t = 0; t < n; t++) {
      const uint8x16_t row = vld1q_u8(rows[t] + i);
      const uint16x8_t low = vmovl_u8(vget_low_u8(row)), high = vmovl_high_u8(row);
      const auto w = static_cast<uint16_t>(weights[t]);
      sum[0] = vmlal_n_u16(sum[0], vget_low_u16(low), w);
      sum[1] = vmlal_high_n_u16(sum[1], low, w);
      sum[2] = vmlal_n_u16(sum[2], vget_low_u16(high), w);
      sum[3] = vmlal_high_n_u16(sum[3], high, w);
    }
    vst1q_u16(out + i, vcombine_u16(vrshrn_n_u32(sum[0], kShift), vrshrn_n_u32(sum[1], kShift)));
    vst1q_u16(out + i + 8, vcombine_u16(vrshrn_n_u32(sum[2], kShift), vrshrn_n_u32(sum[3], kShift)));
  }
  return i;
}

void Blend(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t bytes, uint16_t* out) {
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

void Split2(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const uint16x8x2_t both = vld2q_u16(samples + i * 2);
    vst1q_u16(a + i, both.val[0]);
    vst1q_u16(b + i, both.val[1]);
  }
  for (; i < count; i++) Split2One(samples, i, a, b);
}

void Split3(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b, uint16_t* c) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const uint16x8x3_t all = vld3q_u16(samples + i * 3);
    vst1q_u16(a + i, all.val[0]);
    vst1q_u16(b + i, all.val[1]);
    vst1q_u16(c + i, all.val[2]);
  }
  for (; i < count; i++) Split3One(samples, i, a, b, c);
}

/** Product and sum apart: fused, they would differ from the other variants. */
inline void StoreScaled(float32x4_t values, Affine affine, float* out) {
  vst1q_f32(out, vaddq_f32(vmulq_n_f32(values, affine.scale), vdupq_n_f32(affine.offset)));
}

/** The weighted samples of one output, summed to four numbers. `n` is 4 or a multiple of 8. */
inline int32x4_t Weighted(const uint16_t* samples, const int16_t* weights, size_t n) {
  if (n == 4) return vmull_s16(vreinterpret_s16_u16(vld1_u16(samples)), vld1_s16(weights));
  int32x4_t sum = vdupq_n_s32(0);
  for (size_t t = 0; t < n; t += 8) {
    const int16x8_t s = vreinterpretq_s16_u16(vld1q_u16(samples + t)), w = vld1q_s16(weights + t);
    sum = vmlal_high_s16(vmlal_s16(sum, vget_low_s16(s), vget_low_s16(w)), s, w);
  }
  return sum;
}

/** Four outputs. */
inline float32x4_t Filter4(const uint16_t* samples, const uint32_t* first, const int16_t* weights, size_t n) {
  int32x4_t sum[4];
  for (size_t k = 0; k < 4; k++) sum[k] = Weighted(samples + first[k], weights + k * n, n);
  const int32x4_t total = vpaddq_s32(vpaddq_s32(sum[0], sum[1]), vpaddq_s32(sum[2], sum[3]));
  return vmulq_n_f32(vcvtq_f32_s32(total), kFilterUnit);
}

void Filter(const uint16_t* samples, const Taps& taps, size_t count, Affine affine, float* out) {
  const size_t n = taps.count;
  const uint32_t* first = taps.first.data();
  const int16_t* weights = taps.weights.data();
  size_t i = 0;
  // The numbers of taps that most pictures need get loops without inner ones.
  if (n == 4) {
    for (; i + 4 <= count; i += 4)
      StoreScaled(Filter4(samples, first + i, weights + i * 4, 4), affine, out + i);
  } else if (n == 8) {
    for (; i + 4 <= count; i += 4)
      StoreScaled(Filter4(samples, first + i, weights + i * 8, 8), affine, out + i);
  } else {
    for (; i + 4 <= count; i += 4)
      StoreScaled(Filter4(samples, first + i, weights + i * n, n), affine, out + i);
  }
  for (; i < count; i++) out[i] = FilterOne(samples + first[i], weights + i * n, n, affine);
}

void Widen(const uint16_t* samples, size_t count, Affine affine, float* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const uint16x8_t eight = vld1q_u16(samples + i);
    const float32x4_t low = vcvtq_f32_u32(vmovl_u16(vget_low_u16(eight)));
    const float32x4_t high = vcvtq_f32_u32(vmovl_high_u16(eight));
    StoreScaled(vmulq_n_f32(low, kWidenUnit), affine, out + i);
    StoreScaled(vmulq_n_f32(high, kWidenUnit), affine, out + i + 4);
  }
  for (; i < count; i++) out[i] = WidenOne(samples[i], affine);
}

void Mix(const float* a, const float* b, const float* c, const float* m, size_t count, Affine affine,
         float* out) {
  const float32x4_t m3 = vdupq_n_f32(m[3]), zero = vdupq_n_f32(0), full = vdupq_n_f32(255);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float32x4_t ab =
        vaddq_f32(vmulq_n_f32(vld1q_f32(a + i), m[0]), vmulq_n_f32(vld1q_f32(b + i), m[1]));
    const float32x4_t abc = vaddq_f32(vaddq_f32(ab, vmulq_n_f32(vld1q_f32(c + i), m[2])), m3);
    StoreScaled(vminq_f32(vmaxq_f32(abc, zero), full), affine, out + i);
  }
  for (; i < count; i++) out[i] = MixOne(a[i], b[i], c[i], m, affine);
}

inline int16x4_t Whole(const float* in, float32x4_t low, float32x4_t high) {
  return vmovn_s32(vcvtnq_s32_f32(vminq_f32(vmaxq_f32(vld1q_f32(in), low), high)));
}

void Quantize(const float* in, int low, int high, size_t count, uint8_t* out) {
  const float32x4_t lows = vdupq_n_f32(static_cast<float>(low)),
                    highs = vdupq_n_f32(static_cast<float>(high));
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const int16x8_t whole = vcombine_s16(Whole(in + i, lows, highs), Whole(in + i + 4, lows, highs));
    vst1_u8(out + i, vmovn_u16(vreinterpretq_u16_s16(whole)));
  }
  for (; i < count; i++) out[i] = QuantizeOne(in[i], low, high);
}

void Interleave3F32(const float* a, const float* b, const float* c, size_t count, float* out) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    vst3q_f32(out + i * 3, {{vld1q_f32(a + i), vld1q_f32(b + i), vld1q_f32(c + i)}});
  }
  for (; i < count; i++) Interleave3One(a, b, c, i, out);
}

void Interleave3U8(const uint8_t* a, const uint8_t* b, const uint8_t* c, size_t count, uint8_t* out) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    vst3q_u8(out + i * 3, {{vld1q_u8(a + i), vld1q_u8(b + i), vld1q_u8(c + i)}});
  }
  for (; i < count; i++) Interleave3One(a, b, c, i, out);
}

}  // namespace

const PreprocessOps kPreprocess = {Blend, Split2,   Split3,         Filter,       Widen,
                                   Mix,   Quantize, Interleave3F32, Interleave3U8};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
