#include "kernels/normalize/normalize.h"

namespace sightline {
namespace {

/**
 * One channel of one row. The steps are template arguments because compilers only vectorise strides that they
 * know; a pass per channel reads a row three times, but from the first-level cache.
 */
template <size_t kSourceStep, size_t kTargetStep>
void Channel(const uint8_t* __restrict source, float* __restrict target, size_t width, float scale,
             float offset) {
  for (size_t x = 0; x < width; x++) {
    target[x * kTargetStep] = static_cast<float>(source[x * kSourceStep]) * scale + offset;
  }
}

template <size_t kChannels>
void Rows(const NormalizeParams& p) {
  constexpr size_t kOut = kChannels == 1 ? 1 : 3;
  for (size_t y = 0; y < p.height; y++) {
    const uint8_t* row = p.pixels + y * p.stride_bytes;
    for (size_t c = 0; c < kOut; c++) {
      const uint8_t* source = row + (kOut == 3 && p.swap_red_blue ? 2 - c : c);
      if (p.planar || kOut == 1) {
        float* target = p.target + (c * p.height + y) * p.width;
        Channel<kChannels, 1>(source, target, p.width, p.scale[c], p.offset[c]);
      } else {
        float* target = p.target + y * p.width * kOut + c;
        Channel<kChannels, kOut>(source, target, p.width, p.scale[c], p.offset[c]);
      }
    }
  }
}

}  // namespace

void NormalizeGeneric(const NormalizeParams& params) {
  if (params.channels == 1) return Rows<1>(params);
  if (params.channels == 3) return Rows<3>(params);
  Rows<4>(params);
}

}  // namespace sightline
