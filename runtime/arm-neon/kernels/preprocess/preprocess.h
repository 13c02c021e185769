#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/variant.h"

namespace sightline {

/** Memory layout of a camera's pixels, 8 bits a sample. */
enum class PixelFormat { kGray8, kRgb24, kBgr24, kNv12, kI420, kYuyv };

/** Rows of samples: where the first begins, and how far it is from one row to the next. */
struct Plane {
  size_t offset;
  size_t stride;
};

/** A rectangle in whole pixels. */
struct Rect {
  size_t left, top, width, height;
};

/** An image in memory: Y'CbCr values become R'G'B' by `ycc`. */
struct RawImage {
  PixelFormat format;
  size_t width, height;
  const uint8_t* data;
  Plane planes[3];
  /** R, G, B from Y, Cb, Cr and 1. */
  float ycc[3][4];
};

enum class TensorType { kFloat32, kUint8, kInt8 };
enum class TensorColor { kGray, kRgb, kBgr };

/** value · scale + offset. */
struct Affine {
  float scale, offset;
};

/** Where the picture goes: pixels of 0 to 255, by `factors`. */
struct TensorTarget {
  TensorType type;
  TensorColor color;
  /** [c, height, width] when set, else [height, width, c]. */
  bool planar;
  size_t width, height;
  /** Where in the target the picture lies; the rest is `pad`, a grey level. */
  Rect place;
  float pad;
  /** In the target's order of channels. For integers they include the quantization: q = round(value), cut. */
  Affine factors[3];
  void* data;
};

/**
 * One pass from a camera's pixels to a model's tensor: the part `crop` of the image is resized into
 * `target.place`, each axis by area when it shrinks and bilinearly when it grows, as a separable filter with
 * 14-bit weights; then colour, scale, layout and type.
 *
 * Chroma samples are taken to lie in the middle of the pixels that share them (JPEG's siting).
 */
struct PreprocessParams {
  RawImage source;
  Rect crop;
  TensorTarget target;
};

inline size_t TargetChannels(const TensorTarget& target) {
  return target.color == TensorColor::kGray ? 1 : 3;
}

/** Coefficients of luma, and where black and white lie: 16 and 235, or 0 and 255. */
enum class YccMatrix { kBt601, kBt709 };
enum class YccRange { kLimited, kFull };

/** R, G, B from Y, Cb, Cr and 1 (ITU-R BT.601-7 and BT.709-6; full range as in JFIF). */
void FillYcc(YccMatrix matrix, YccRange range, float (&ycc)[3][4]);

/** Whether a format's samples are luma and chroma. */
bool IsYcc(PixelFormat format);
/** Planes of a format. */
size_t PlaneCount(PixelFormat format);
/** Bytes of one row, and rows, of plane `index` of an image. */
size_t RowBytes(PixelFormat format, size_t index, size_t width);
size_t RowCount(PixelFormat format, size_t index, size_t height);

/** How a run of outputs along one axis is made of samples. */
struct Taps {
  /** Samples read an output: along a column an even number, along a row 4 or a multiple of 8; some have
   * weight 0. */
  size_t count;
  /** First sample of each output. */
  std::vector<uint32_t> first;
  /** `count` for each output; they add up to 2^14. */
  std::vector<int16_t> weights;
  /** Each output is one sample, unchanged, and the next output the next sample; the first is the first. */
  bool is_identity;
};

constexpr int kWeightBits = 14;
/** Fraction of a blended sample: a sample of 0 to 255 becomes 0 to 16320. */
constexpr int kBlendBits = 6;
/**
 * The hot loops, each over one row of 1 or more. Nothing behind a row is touched, except that `filter` reads
 * samples whose weight is 0. Results of all variants are equal bit for bit.
 */
struct PreprocessOps {
  /** out[i] = Σ rows[t][i] · weights[t], with kBlendBits of fraction; the number of taps is even. */
  void (*blend)(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t bytes, uint16_t* out);
  /** Every second, or third, sample of `samples`. */
  void (*split2)(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b);
  void (*split3)(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b, uint16_t* c);
  /** A filtered row; samples count as 0 to 255. */
  void (*filter)(const uint16_t* samples, const Taps& taps, size_t count, Affine affine, float* out);
  /** The same where each output is its sample. */
  void (*widen)(const uint16_t* samples, size_t count, Affine affine, float* out);
  /** a · m[0] + b · m[1] + c · m[2] + m[3], cut to 0 to 255. */
  void (*mix)(const float* a, const float* b, const float* c, const float* m, size_t count, Affine affine,
              float* out);
  /** To the nearest whole number, halves to even, within low to high (0 to 255 or -128 to 127). */
  void (*quantize)(const float* in, int low, int high, size_t count, uint8_t* out);
  void (*interleave3_f32)(const float* a, const float* b, const float* c, size_t count, float* out);
  void (*interleave3_u8)(const uint8_t* a, const uint8_t* b, const uint8_t* c, size_t count, uint8_t* out);
};

#define KERNEL(variant, needs)            \
  namespace variant {                     \
  extern const PreprocessOps kPreprocess; \
  }
#include "kernels/preprocess/kernels.inc"
#undef KERNEL

inline constexpr Variant<PreprocessOps> kPreprocessVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kPreprocess},
#include "kernels/preprocess/kernels.inc"
#undef KERNEL
};

/** Writes `target.data` whole. Crop and place lie inside image and target, and none is empty. */
void Preprocess(const PreprocessParams& params, const PreprocessOps& ops);

}  // namespace sightline
