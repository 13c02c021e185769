#pragma once

#include <cstddef>
#include <cstdint>

namespace sightline {

/**
 * Interleaved 8-bit pixels [height, width, channels] to floats: value · scale[c] + offset[c].
 * 1 channel gives 1; 3 and 4 channels give 3 (the fourth is dropped). `scale` and `offset` count in the order
 * of the target, after a swap of red and blue.
 */
struct NormalizeParams {
  const uint8_t* pixels;
  size_t width;
  size_t height;
  /** From the start of one row to that of the next; at least width · channels. */
  size_t stride_bytes;
  int channels;
  bool swap_red_blue;
  /** [c, height, width] when set, else [height, width, c]. */
  bool planar;
  float scale[3];
  float offset[3];
  float* target;
};

inline int TargetChannels(const NormalizeParams& p) {
  return p.channels == 1 ? 1 : 3;
}
inline size_t TargetFloats(const NormalizeParams& p) {
  return p.width * p.height * static_cast<size_t>(TargetChannels(p));
}
inline size_t SourceBytes(const NormalizeParams& p) {
  return (p.height - 1) * p.stride_bytes + p.width * static_cast<size_t>(p.channels);
}

void NormalizeGeneric(const NormalizeParams& params);

}  // namespace sightline
