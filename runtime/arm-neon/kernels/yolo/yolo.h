#pragma once

#include "kernels/candidates.h"
#include "kernels/nms/nms.h"
#include "kernels/scores/scores.h"

namespace sightline {

/** best[i] = the greatest of rows[i], rows[i + stride], …: NaN is never greater, and the lowest value at
 * least. */
template <typename T>
using MaxRows = void (*)(const T* rows, size_t row_count, size_t stride, size_t count, T* best);

/** The greatest of 1 or more values in the same way; 0 may come with either sign. */
template <typename T>
using MaxOf = T (*)(const T* values, size_t count);

struct YoloOps {
  std::tuple<MaxRows<float>, MaxRows<int8_t>, MaxRows<uint8_t>> max_rows;
  std::tuple<MaxOf<float>, MaxOf<int8_t>, MaxOf<uint8_t>> max_of;
};

template <typename T>
constexpr T kLowest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                           : std::numeric_limits<T>::lowest();

#define KERNEL(variant, needs) \
  namespace variant {          \
  extern const YoloOps kYolo;  \
  }
#include "kernels/yolo/kernels.inc"
#undef KERNEL

inline constexpr Variant<YoloOps> kYoloVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kYolo},
#include "kernels/yolo/kernels.inc"
#undef KERNEL
};

struct YoloParams {
  Values output;
  /** [4 + classes, boxes] when set, else [boxes, 5 + classes] with an objectness. */
  bool has_columns;
  size_t boxes, classes;
  CandidatesWanted wanted;
};

/** The best boxes, in float32: each step rounds. */
Candidates DecodeYolo(const YoloParams& params, const ScoresOps& scores_ops, const NmsOps& nms_ops,
                      const YoloOps& ops);

}  // namespace sightline
