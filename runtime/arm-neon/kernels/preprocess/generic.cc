#include "kernels/preprocess/scalar.h"

namespace sightline::generic {
namespace {

void Blend(const uint8_t* const* rows, const int16_t* weights, size_t taps, size_t bytes, uint16_t* out) {
  for (size_t i = 0; i < bytes; i++) out[i] = BlendOne(rows, weights, taps, i);
}

void Split2(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b) {
  for (size_t i = 0; i < count; i++) Split2One(samples, i, a, b);
}

void Split3(const uint16_t* samples, size_t count, uint16_t* a, uint16_t* b, uint16_t* c) {
  for (size_t i = 0; i < count; i++) Split3One(samples, i, a, b, c);
}

void Filter(const uint16_t* samples, const Taps& taps, size_t count, Affine affine, float* out) {
  for (size_t i = 0; i < count; i++) {
    out[i] = FilterOne(samples + taps.first[i], &taps.weights[i * taps.count], taps.count, affine);
  }
}

void Widen(const uint16_t* samples, size_t count, Affine affine, float* out) {
  for (size_t i = 0; i < count; i++) out[i] = WidenOne(samples[i], affine);
}

void Mix(const float* a, const float* b, const float* c, const float* m, size_t count, Affine affine,
         float* out) {
  for (size_t i = 0; i < count; i++) out[i] = MixOne(a[i], b[i], c[i], m, affine);
}

void Quantize(const float* in, int low, int high, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; i++) out[i] = QuantizeOne(in[i], low, high);
}

template <typename T>
void Interleave3(const T* a, const T* b, const T* c, size_t count, T* out) {
  for (size_t i = 0; i < count; i++) Interleave3One(a, b, c, i, out);
}

}  // namespace

const PreprocessOps kPreprocess = {
    Blend, Split2, Split3, Filter, Widen, Mix, Quantize, Interleave3<float>, Interleave3<uint8_t>};

}  // namespace sightline::generic
