#include "kernels/preprocess/writer.h"

#include <cstring>

namespace sightline {

Writer::Writer(const TensorTarget& target, const PreprocessOps& ops)
    : target_(target),
      ops_(ops),
      channels_(TargetChannels(target)),
      planar_(target.planar || channels_ == 1),
      floats_(static_cast<float*>(target.data)),
      bytes_(static_cast<uint8_t*>(target.data)) {
  for (size_t c = 0; c < channels_; c++) {
    row_[c].resize(target.place.width);
    row_bytes_[c].resize(target.place.width);
    pad_[c].assign(target.width, target.pad * target.factors[c].scale + target.factors[c].offset);
    pad_bytes_[c].resize(target.width);
    if (!IsFloat()) Quantize(pad_[c].data(), target.width, pad_bytes_[c].data());
  }
}

float* Writer::Row(size_t y, size_t c) {
  return planar_ && IsFloat() ? floats_ + Offset(y, target_.place.left, c) : row_[c].data();
}

void Writer::Finish(size_t y) {
  const auto [left, top, width, height] = target_.place;
  for (size_t c = 0; !IsFloat() && c < channels_; c++) {
    Quantize(row_[c].data(), width, planar_ ? bytes_ + Offset(y, left, c) : row_bytes_[c].data());
  }
  if (!planar_ && IsFloat()) {
    float* out = floats_ + Offset(y, left, 0);
    ops_.interleave3_f32(row_[0].data(), row_[1].data(), row_[2].data(), width, out);
  } else if (!planar_) {
    uint8_t* out = bytes_ + Offset(y, left, 0);
    ops_.interleave3_u8(row_bytes_[0].data(), row_bytes_[1].data(), row_bytes_[2].data(), width, out);
  }
  PadPart(y, 0, left);
  PadPart(y, left + width, target_.width - left - width);
}

size_t Writer::Offset(size_t y, size_t x, size_t c) const {
  return planar_ ? (c * target_.height + y) * target_.width + x : (y * target_.width + x) * channels_;
}

void Writer::Quantize(const float* values, size_t count, uint8_t* out) const {
  const bool is_signed = target_.type == TensorType::kInt8;
  ops_.quantize(values, is_signed ? -128 : 0, is_signed ? 127 : 255, count, out);
}

void Writer::PadPart(size_t y, size_t x, size_t count) {
  if (count == 0) return;
  for (size_t c = 0; planar_ && c < channels_; c++) {
    if (IsFloat())
      std::memcpy(floats_ + Offset(y, x, c), pad_[c].data(), count * sizeof(float));
    else
      std::memcpy(bytes_ + Offset(y, x, c), pad_bytes_[c].data(), count);
  }
  if (planar_) return;
  if (IsFloat()) {
    float* out = floats_ + Offset(y, x, 0);
    ops_.interleave3_f32(pad_[0].data(), pad_[1].data(), pad_[2].data(), count, out);
  } else {
    uint8_t* out = bytes_ + Offset(y, x, 0);
    ops_.interleave3_u8(pad_bytes_[0].data(), pad_bytes_[1].data(), pad_bytes_[2].data(), count, out);
  }
}

}  // namespace sightline
