#pragma once

#include "kernels/candidates.h"
#include "kernels/scores/scores.h"
#include "kernels/variant.h"

namespace sightline {

struct Box {
  float x1, y1, x2, y2, area;
  uint32_t class_id;
};

/** Boxes in columns, so that one box meets many at once. Columns end in kLanes boxes that overlap none. */
struct BoxColumns {
  static constexpr size_t kLanes = 8;
  std::vector<float> x1, y1, x2, y2, area;
  std::vector<uint32_t> class_id;
  size_t count = 0;

  explicit BoxColumns(size_t capacity);
  void Add(const Box& box);
};

struct NmsOps {
  /** Whether one of the boxes has the box's class and intersection > iou_max · union, in float32. */
  bool (*overlaps)(const BoxColumns& boxes, const Box& box, float iou_max);
};

#define KERNEL(variant, needs) \
  namespace variant {          \
  extern const NmsOps kNms;    \
  }
#include "kernels/nms/kernels.inc"
#undef KERNEL

inline constexpr Variant<NmsOps> kNmsVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kNms},
#include "kernels/nms/kernels.inc"
#undef KERNEL
};

struct NmsParams {
  float iou_max;
  /** Whether boxes of different classes suppress each other. */
  bool across_classes;
};

/** Which of a head's boxes are wanted; see candidates.ts. */
struct CandidatesWanted {
  double score_min;
  /** At most kMaxCandidates. */
  size_t limit;
  std::optional<NmsParams> nms;
};

/** Boxes as they come, four numbers each. */
struct ScoredBoxes {
  const float* boxes;
  const float* scores;
  const uint32_t* class_ids;
  size_t count;
};

/**
 * Greedy suppression: the indices of the boxes that overlap no better one that stayed, best first. Only the
 * best kMaxCandidates take part, none whose score is NaN. A box with a NaN or an endless side overlaps none.
 */
std::vector<uint32_t> Nms(const ScoredBoxes& boxes, const NmsParams& params, const ScoresOps& scores_ops,
                          const NmsOps& ops);

/** The candidates that stay, of some that are in order already; with no `params` all do. */
Candidates Suppress(Candidates candidates, const std::optional<NmsParams>& params, const NmsOps& ops);

}  // namespace sightline
