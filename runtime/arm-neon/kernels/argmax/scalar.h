#pragma once

#include "kernels/argmax/argmax.h"

namespace sightline {

/** One pixel: all of `generic`, and the ends of maps in the other variants. */
template <typename T>
uint8_t ArgmaxOne(const T* planes, size_t classes, size_t count, size_t i) {
  using Limits = std::numeric_limits<T>;
  T best = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  size_t winner = 0;
  for (size_t c = 0; c < classes; c++) {
    const T value = planes[c * count + i];
    if (value > best) {
      best = value;
      winner = c;
    }
  }
  return static_cast<uint8_t>(winner);
}

}  // namespace sightline
