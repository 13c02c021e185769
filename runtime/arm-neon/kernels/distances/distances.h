#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/variant.h"

namespace sightline {

enum class Metric { kSquaredL2, kCosine };

/** Vectors of `size` elements, one after another; an element stands for `scale` times its value. */
template <typename Element>
struct DistancesParams {
  Metric metric;
  size_t size, k;
  double scale;
  const Element* queries;
  size_t query_count;
  const Element* bank;
  size_t bank_count;
  /** k for each query, the nearest first. */
  uint32_t* indices;
  float* distances;
};

/** Rows of the bank and queries that meet at once, so that each loaded register is used several times. */
constexpr size_t kTileRows = 4, kTileQueries = 2;

/** Partial sums of a float32 vector: element i goes to sum i mod 8. */
constexpr size_t kLanes = 8;

/**
 * The hot loops. Integer sums are exact up to kMaxVectorSize elements: a dot product stays within 2^30, and a
 * sum of squares within 2^32. Float sums are fused multiply-adds in kLanes lanes, added up in one fixed
 * order, so that all variants give the same bits on all machines. (Products and sums apart would do that too,
 * at twice the arithmetic on ARM. The price is that `generic` calls the C library's fmaf on x86.)
 */
template <typename Element, typename Dot, typename Square>
struct VectorOps {
  /** out[q · kTileRows + r] = Σ rows[r][i] · queries[q][i] */
  void (*dots)(const Element* const* rows, const Element* const* queries, size_t size, Dot* out);
  /** out[r] = Σ (rows[r][i] − query[i])², for kTileRows rows */
  void (*squares)(const Element* const* rows, const Element* query, size_t size, Square* out);
};

using FloatVectorOps = VectorOps<float, float, float>;
using Int8VectorOps = VectorOps<int8_t, int32_t, uint32_t>;

struct DistancesOps {
  FloatVectorOps f32;
  Int8VectorOps i8;
};

constexpr size_t kMaxVectorSize = 1 << 16;

#define KERNEL(variant, needs)          \
  namespace variant {                   \
  extern const DistancesOps kDistances; \
  }
#include "kernels/distances/kernels.inc"
#undef KERNEL

inline constexpr Variant<DistancesOps> kDistancesVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kDistances},
#include "kernels/distances/kernels.inc"
#undef KERNEL
};

/** Finds the `k` nearest of the bank for each query, 1 ≤ k ≤ bank_count < 2^32 − 1. */
void Distances(const DistancesParams<float>& params, const DistancesOps& ops);
void Distances(const DistancesParams<int8_t>& params, const DistancesOps& ops);

}  // namespace sightline
