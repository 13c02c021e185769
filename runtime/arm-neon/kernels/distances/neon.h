#pragma once

#include "kernels/distances/distances.h"

namespace sightline::neon {

/** Of float32, which the dot product extension does nothing for. */
void Dots(const float* const* rows, const float* const* queries, size_t size, float* out);
void Squares(const float* const* rows, const float* query, size_t size, float* out);

}  // namespace sightline::neon
