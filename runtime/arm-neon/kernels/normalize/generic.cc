#include <algorithm>

#include "kernels/normalize/normalize.h"

namespace sightline {
namespace {

/** Pixels per step of `Triples`: its floats stay in the first-level cache, and any vector width divides it.
 */
constexpr size_t kStep = 64;

/**
 * One channel of one row. The steps are template arguments because compilers only vectorise strides that they
 * know.
 */
template <size_t kSourceStep, size_t kTargetStep>
void Channel(const uint8_t* __restrict source, float* __restrict target, size_t width, float scale,
             float offset) {
  for (size_t x = 0; x < width; x++) {
    target[x * kTargetStep] = static_cast<float>(source[x * kSourceStep]) * scale + offset;
  }
}

/** Plain conversion of whole steps' bytes, which every instruction set can do a vector at a time. */
void Convert(const uint8_t* __restrict source, float* __restrict target, size_t count) {
  for (size_t i = 0; i < count; i++) target[i] = static_cast<float>(source[i]);
}

/** Every third float, scaled: strides of floats vectorise where strides of bytes do not (SSE2). */
template <size_t kTargetStep>
void Spread(const float* __restrict source, float* __restrict target, size_t width, float scale,
            float offset) {
  for (size_t x = 0; x < width; x++) target[x * kTargetStep] = source[x * 3] * scale + offset;
}

/** One row of three-channel pixels. `order[c]` is the source's place of the target's channel c. */
template <size_t kTargetStep>
void Triples(const NormalizeParams& p, const uint8_t* row, float* const (&targets)[3],
             const size_t (&order)[3]) {
  alignas(64) float values[kStep * 3];
  for (size_t x = 0; x < p.width; x += kStep) {
    const size_t width = std::min(kStep, p.width - x);
    Convert(row + x * 3, values, width * 3);
    for (size_t c = 0; c < 3; c++) {
      Spread<kTargetStep>(values + order[c], targets[c] + x * kTargetStep, width, p.scale[c], p.offset[c]);
    }
  }
}

void Row(const NormalizeParams& p, const uint8_t* row, size_t y) {
  if (p.channels == 1) return Channel<1, 1>(row, p.target + y * p.width, p.width, p.scale[0], p.offset[0]);
  const size_t order[3] = {p.swap_red_blue ? size_t{2} : 0, 1, p.swap_red_blue ? size_t{0} : 2};
  const size_t plane = p.height * p.width;
  float* const first = p.target + y * p.width * (p.planar ? 1 : 3);
  float* const targets[3] = {first, first + (p.planar ? plane : 1), first + (p.planar ? 2 * plane : 2)};
  if (p.channels == 3)
    return p.planar ? Triples<1>(p, row, targets, order) : Triples<3>(p, row, targets, order);
  for (size_t c = 0; c < 3; c++) {
    if (p.planar)
      Channel<4, 1>(row + order[c], targets[c], p.width, p.scale[c], p.offset[c]);
    else
      Channel<4, 3>(row + order[c], targets[c], p.width, p.scale[c], p.offset[c]);
  }
}

}  // namespace

void NormalizeGeneric(const NormalizeParams& params) {
  for (size_t y = 0; y < params.height; y++) Row(params, params.pixels + y * params.stride_bytes, y);
}

}  // namespace sightline
