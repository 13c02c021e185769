#include "kernels/preprocess/taps.h"

#include <algorithm>
#include <cmath>

namespace sightline {
namespace {

constexpr int kOne = 1 << kWeightBits;

/** As many as the loops of `PreprocessOps` take at a time. */
size_t RoundUp(size_t taps, Axis axis) {
  if (axis == Axis::kColumn) return (taps + 1) / 2 * 2;
  return taps <= 4 ? 4 : (taps + 7) / 8 * 8;
}

/** Rounds the running sum rather than each weight, so that they add up to one whatever their number. */
void AreaWeights(double from, double to, uint32_t first, size_t samples, int16_t* weights) {
  int before = 0;
  for (size_t k = 0; k < samples; k++) {
    const double covered = (std::min<double>(first + k + 1, to) - from) / (to - from);
    const int sum = k + 1 == samples ? kOne : static_cast<int>(std::lround(covered * kOne));
    weights[k] = static_cast<int16_t>(sum - before);
    before = sum;
  }
}

Taps MakeArea(double start, double step, size_t size, size_t outputs, Axis axis) {
  // A sample that is touched by less than rounding errors is not touched.
  constexpr double kTouch = 1e-6;
  const size_t most = static_cast<size_t>(std::ceil(step - kTouch)) + 1;
  Taps taps{RoundUp(std::min(most, size), axis), {}, {}, false};
  taps.first.resize(outputs);
  taps.weights.resize(outputs * taps.count);
  for (size_t i = 0; i < outputs; i++) {
    const double from = start + static_cast<double>(i) * step;
    const double to = std::min(from + step, static_cast<double>(size));
    const auto first = std::min(static_cast<size_t>(from + kTouch), size - 1);
    const auto end = std::clamp<size_t>(static_cast<size_t>(std::ceil(to - kTouch)), first + 1, size);
    taps.first[i] = static_cast<uint32_t>(first);
    AreaWeights(from, to, taps.first[i], std::min(end - first, taps.count), &taps.weights[i * taps.count]);
  }
  return taps;
}

Taps MakeLinear(double start, double extent, double step, size_t size, size_t outputs, Axis axis) {
  Taps taps{RoundUp(2, axis), std::vector<uint32_t>(outputs), {}, false};
  taps.weights.resize(outputs * taps.count);
  const double low = std::floor(start);
  const double high = std::min(std::ceil(start + extent), static_cast<double>(size)) - 1;
  for (size_t i = 0; i < outputs; i++) {
    const double centre = std::clamp(start + (static_cast<double>(i) + 0.5) * step - 0.5, low, high);
    const double first = std::min(std::floor(centre), std::max(low, high - 1));
    const auto second = static_cast<int16_t>(std::lround((centre - first) * kOne));
    taps.first[i] = static_cast<uint32_t>(first);
    taps.weights[i * taps.count] = static_cast<int16_t>(kOne - second);
    taps.weights[i * taps.count + 1] = second;
  }
  return taps;
}

bool IsIdentity(const Taps& taps) {
  for (size_t i = 0; i < taps.first.size(); i++) {
    if (taps.first[i] != taps.first[0] + i || taps.weights[i * taps.count] != kOne) return false;
  }
  return true;
}

}  // namespace

Taps MakeTaps(double start, double extent, size_t size, size_t outputs, Axis axis) {
  const double step = extent / static_cast<double>(outputs);
  Taps taps = step >= 1 ? MakeArea(start, step, size, outputs, axis)
                        : MakeLinear(start, extent, step, size, outputs, axis);
  taps.is_identity = IsIdentity(taps);
  return taps;
}

}  // namespace sightline
