#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/preprocess/scalar.h"

namespace sightline::neon {
namespace {

void Blend(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t bytes, uint16_t* out) {
  constexpr int kShift = kWeightBits - kBlendBits;
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    uint32x4_t sum[4] = {vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0)};
    for (size_t t = 0; t < taps; t++) {
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
  for (; i < bytes; i++) out[i] = BlendOne(rows, weights, taps, i);
}

void Split2(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const uint16x8x2_t both = vld2q_u16(samples + i * 2);
    vst1q_u16(a + i, both.val[0]);
    vst1q_u16(b + i, both.val[1]);
  }
  for (; i < count; i++) {
    a[i] = samples[i * 2];
    b[i] = samples[i * 2 + 1];
  }
}

void Split3(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b, uint16_t* c) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const uint16x8x3_t all = vld3q_u16(samples + i * 3);
    vst1q_u16(a + i, all.val[0]);
    vst1q_u16(b + i, all.val[1]);
    vst1q_u16(c + i, all.val[2]);
  }
  for (; i < count; i++) {
    a[i] = samples[i * 3];
    b[i] = samples[i * 3 + 1];
    c[i] = samples[i * 3 + 2];
  }
}

/** The weighted samples of one output, summed to four numbers. */
inline int32x4_t Weighted(const uint16_t* samples, const int16_t* weights, size_t taps) {
  int32x4_t sum = vdupq_n_s32(0);
  for (size_t t = 0; t < taps; t += kTapStep) {
    const int16x8_t s = vreinterpretq_s16_u16(vld1q_u16(samples + t)), w = vld1q_s16(weights + t);
    sum = vmlal_high_s16(vmlal_s16(sum, vget_low_s16(s), vget_low_s16(w)), s, w);
  }
  return sum;
}

void Filter(const uint16_t* samples, const Taps& taps, size_t count, float* out) {
  const size_t n = taps.count;
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    int32x4_t sum[4];
    for (size_t k = 0; k < 4; k++) {
      sum[k] = Weighted(samples + taps.first[i + k], &taps.weights[(i + k) * n], n);
    }
    const int32x4_t total = vpaddq_s32(vpaddq_s32(sum[0], sum[1]), vpaddq_s32(sum[2], sum[3]));
    vst1q_f32(out + i, vmulq_n_f32(vcvtq_f32_s32(total), 1.0f / (1 << (kWeightBits + kBlendBits))));
  }
  for (; i < count; i++) out[i] = FilterOne(samples + taps.first[i], &taps.weights[i * n], n);
}

void Widen(const uint16_t* samples, size_t count, float* out) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const uint16x8_t eight = vld1q_u16(samples + i);
    const float32x4_t low = vcvtq_f32_u32(vmovl_u16(vget_low_u16(eight)));
    const float32x4_t high = vcvtq_f32_u32(vmovl_high_u16(eight));
    vst1q_f32(out + i, vmulq_n_f32(low, 1.0f / (1 << kBlendBits)));
    vst1q_f32(out + i + 4, vmulq_n_f32(high, 1.0f / (1 << kBlendBits)));
  }
  for (; i < count; i++) out[i] = WidenOne(samples[i]);
}

void Mix(const float* a, const float* b, const float* c, const float* m, size_t count, float* out) {
  const float32x4_t m3 = vdupq_n_f32(m[3]), zero = vdupq_n_f32(0), full = vdupq_n_f32(255);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    // Products and sums apart: fused, they would differ from the other variants.
    const float32x4_t ab =
        vaddq_f32(vmulq_n_f32(vld1q_f32(a + i), m[0]), vmulq_n_f32(vld1q_f32(b + i), m[1]));
    const float32x4_t abc = vaddq_f32(vaddq_f32(ab, vmulq_n_f32(vld1q_f32(c + i), m[2])), m3);
    vst1q_f32(out + i, vminq_f32(vmaxq_f32(abc, zero), full));
  }
  for (; i < count; i++) out[i] = MixOne(a[i], b[i], c[i], m);
}

void Scale(const float* in, float scale, float offset, size_t count, float* out) {
  const float32x4_t offsets = vdupq_n_f32(offset);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    vst1q_f32(out + i, vaddq_f32(vmulq_n_f32(vld1q_f32(in + i), scale), offsets));
    vst1q_f32(out + i + 4, vaddq_f32(vmulq_n_f32(vld1q_f32(in + i + 4), scale), offsets));
  }
  for (; i < count; i++) out[i] = in[i] * scale + offset;
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
  for (; i < count; i++) {
    out[i * 3] = a[i];
    out[i * 3 + 1] = b[i];
    out[i * 3 + 2] = c[i];
  }
}

void Interleave3U8(const uint8_t* a, const uint8_t* b, const uint8_t* c, size_t count, uint8_t* out) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    vst3q_u8(out + i * 3, {{vld1q_u8(a + i), vld1q_u8(b + i), vld1q_u8(c + i)}});
  }
  for (; i < count; i++) {
    out[i * 3] = a[i];
    out[i * 3 + 1] = b[i];
    out[i * 3 + 2] = c[i];
  }
}

}  // namespace

const PreprocessOps kPreprocess = {Blend, Split2, Split3,   Filter,         Widen,
                                   Mix,   Scale,  Quantize, Interleave3F32, Interleave3U8};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
