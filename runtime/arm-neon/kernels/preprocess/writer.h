#pragma once

#include "kernels/preprocess/preprocess.h"

namespace sightline {

/** Writes the target row by row: type, layout, and padding around the place. */
class Writer {
 public:
  Writer(const TensorTarget& target, const PreprocessOps& ops);

  /** Where the place's values of channel `c` in row `y` are to be put, before `Finish`. */
  float* Row(size_t y, size_t c);
  /** Brings what was put into `Row` to its type and layout, and pads beside it. */
  void Finish(size_t y);
  /** A row above or below the place. */
  void Pad(size_t y) { PadPart(y, 0, target_.width); }

 private:
  bool IsFloat() const { return target_.type == TensorType::kFloat32; }
  /** Elements before that of column `x` in row `y`, of channel `c` where channels are apart. */
  size_t Offset(size_t y, size_t x, size_t c) const;
  void Quantize(const float* values, size_t count, uint8_t* out) const;
  void PadPart(size_t y, size_t x, size_t count);

  const TensorTarget& target_;
  const PreprocessOps& ops_;
  const size_t channels_;
  const bool planar_;
  float* const floats_;
  uint8_t* const bytes_;
  std::vector<float> row_[3], pad_[3];
  std::vector<uint8_t> row_bytes_[3], pad_bytes_[3];
};

}  // namespace sightline
