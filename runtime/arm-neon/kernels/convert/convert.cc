#include "kernels/convert/convert.h"

#include <algorithm>
#include <optional>

namespace sightline {
namespace {

/** Elements done at a time: with their scales and zero points they stay in the first cache. */
constexpr size_t kRun = 1024;

/**
 * Scale and zero point of each element of a run, so that one loop does for the whole tensor's, channels in
 * planes and interleaved channels. The loads cost little beside the division.
 */
class Run {
 public:
  explicit Run(const ChannelQuantization& quantization) : q_(quantization) {
    const size_t period = q_.scales.size() * q_.inner;
    repeats_ = period <= kRun;
    length_ = repeats_ ? kRun / period * period : kRun;
    if (repeats_) Fill(0);
  }

  size_t length() const { return length_; }
  const float* scales() const { return scales_; }
  const float* zero_points() const { return zero_points_; }

  void MoveTo(size_t start) {
    if (repeats_) return;
    const size_t channel = start / q_.inner % q_.scales.size();
    const bool is_within = start % q_.inner + length_ <= q_.inner;
    if (is_within && only_ == channel) return;
    Fill(start);
    only_ = is_within ? std::optional(channel) : std::nullopt;
  }

 private:
  void Fill(size_t start) {
    for (size_t i = 0; i < length_;) {
      const size_t channel = (start + i) / q_.inner % q_.scales.size();
      const size_t same = std::min(q_.inner - (start + i) % q_.inner, length_ - i);
      std::fill_n(scales_ + i, same, q_.scales[channel]);
      std::fill_n(zero_points_ + i, same, q_.zero_points[channel]);
      i += same;
    }
  }

  const ChannelQuantization& q_;
  bool repeats_;
  size_t length_;
  /** The channel of all elements, if they share one. */
  std::optional<size_t> only_;
  float scales_[kRun], zero_points_[kRun];
};

}  // namespace

void Quantize(const float* values, size_t count, const ChannelQuantization& quantization,
              const ConvertOps& ops, void* steps) {
  Run run(quantization);
  const int low = quantization.is_signed ? -128 : 0, high = low + 255;
  for (size_t i = 0; i < count; i += run.length()) {
    run.MoveTo(i);
    ops.quantize(values + i, run.scales(), run.zero_points(), low, high, std::min(run.length(), count - i),
                 static_cast<uint8_t*>(steps) + i);
  }
}

void Dequantize(const void* steps, size_t count, const ChannelQuantization& quantization,
                const ConvertOps& ops, float* values) {
  Run run(quantization);
  for (size_t i = 0; i < count; i += run.length()) {
    run.MoveTo(i);
    const size_t length = std::min(run.length(), count - i);
    if (quantization.is_signed) {
      ops.dequantize_int8(static_cast<const int8_t*>(steps) + i, run.scales(), run.zero_points(), length,
                          values + i);
    } else {
      ops.dequantize_uint8(static_cast<const uint8_t*>(steps) + i, run.scales(), run.zero_points(), length,
                           values + i);
    }
  }
}

}  // namespace sightline
