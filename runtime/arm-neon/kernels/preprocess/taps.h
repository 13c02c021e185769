#pragma once

#include "kernels/preprocess/preprocess.h"

namespace sightline {

/**
 * Samples [start, start + extent) of an axis that has `size` of them become `outputs` values. Shrinking, each
 * output is the mean over the part that it covers; growing, it is interpolated between the two samples whose
 * centres are nearest. `start` and `extent` may be halves, as chroma's are.
 */
Taps MakeTaps(double start, double extent, size_t size, size_t outputs, size_t multiple);

/** Whether each output is one sample, unchanged, and the next output the next sample. */
bool IsIdentity(const Taps& taps);

}  // namespace sightline
