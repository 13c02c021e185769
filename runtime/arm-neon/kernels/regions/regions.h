#pragma once

#include "kernels/scores/scores.h"
#include "kernels/variant.h"

namespace sightline {

struct RegionsOps {
  /** First index from `from` on whose value is below `least` or NaN; `count` when there is none. */
  size_t (*fall)(const float* values, size_t from, size_t count, float least);
  /** First index from `from` on that holds another value; `count` when there is none. */
  size_t (*change)(const uint8_t* values, size_t from, size_t count, uint8_t value);
};

#define KERNEL(variant, needs)      \
  namespace variant {               \
  extern const RegionsOps kRegions; \
  }
#include "kernels/regions/kernels.inc"
#undef KERNEL

inline constexpr Variant<RegionsOps> kRegionsVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kRegions},
#include "kernels/regions/kernels.inc"
#undef KERNEL
};

struct RegionsParams {
  /** One of the two: a map of numbers with `least`, or a mask of classes of which 0 is background. */
  const float* map;
  const uint8_t* mask;
  float least;
  size_t width, height;
  /** Whether pixels that touch at a corner are connected. */
  bool has_diagonals;
  size_t limit;
};

struct Region {
  uint8_t class_id;
  /** In pixels. */
  uint32_t area;
  /** The last pixels lie within: right and bottom are one beyond. */
  uint32_t left, top, right, bottom;
  float peak;
  /** Sums over the pixels. */
  uint64_t x_sum, y_sum;
};

/** Largest first, equal ones in the order of their first pixels. */
std::vector<Region> FindRegions(const RegionsParams& params, const ScoresOps& scores_ops,
                                const RegionsOps& ops);

}  // namespace sightline
