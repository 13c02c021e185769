#pragma once

#include "kernels/preprocess/preprocess.h"

namespace sightline {

enum class Axis { kRow, kColumn };

/**
 * Samples [start, start + extent) of an axis that has `size` of them become `outputs` values. Shrinking, each
 * output is the mean over the part that it covers; growing, it is interpolated between the two samples whose
 * centres are nearest. `start` and `extent` may be halves, as chroma's are.
 */
Taps MakeTaps(double start, double extent, size_t size, size_t outputs, Axis axis);

}  // namespace sightline
