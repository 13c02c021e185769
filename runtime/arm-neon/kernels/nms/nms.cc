#include "kernels/nms/nms.h"

#include <limits>

namespace sightline {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/** NaN stays NaN, so that a comparison with anything made of it fails. */
float Positive(float value) {
  return value < 0 ? 0 : value;
}

Box BoxAt(const ScoredBoxes& boxes, size_t index, bool across_classes) {
  const float* box = boxes.boxes + index * 4;
  const float area = Positive(box[2] - box[0]) * Positive(box[3] - box[1]);
  return {box[0], box[1], box[2], box[3], area, across_classes ? 0 : boxes.class_ids[index]};
}

/** Decides box by box, in the order in which they come. */
class Suppression {
 public:
  Suppression(const ScoredBoxes& boxes, const NmsParams& params, const NmsOps& ops, size_t capacity)
      : boxes_(boxes), params_(params), ops_(ops), kept_(capacity) {}

  bool Keeps(size_t index) {
    const Box box = BoxAt(boxes_, index, params_.across_classes);
    if (ops_.overlaps(kept_, box, params_.iou_max)) return false;
    kept_.Add(box);
    return true;
  }

 private:
  const ScoredBoxes& boxes_;
  const NmsParams& params_;
  const NmsOps& ops_;
  BoxColumns kept_;
};

}  // namespace

BoxColumns::BoxColumns(size_t capacity)
    : x1(capacity + kLanes),
      y1(capacity + kLanes),
      x2(capacity + kLanes),
      y2(capacity + kLanes),
      area(capacity + kLanes, kNaN),
      class_id(capacity + kLanes) {}

void BoxColumns::Add(const Box& box) {
  x1[count] = box.x1;
  y1[count] = box.y1;
  x2[count] = box.x2;
  y2[count] = box.y2;
  area[count] = box.area;
  class_id[count++] = box.class_id;
}

std::vector<uint32_t> Nms(const ScoredBoxes& boxes, const NmsParams& params, const ScoresOps& scores_ops,
                          const NmsOps& ops) {
  constexpr float kAny = -std::numeric_limits<float>::infinity();
  const auto best =
      SelectBest(boxes.scores, boxes.count, std::optional<float>(kAny), kMaxCandidates, scores_ops);
  Suppression suppression(boxes, params, ops, best.size());
  std::vector<uint32_t> kept;
  for (const Scored<float>& box : best) {
    if (suppression.Keeps(box.index)) kept.push_back(box.index);
  }
  return kept;
}

Candidates Suppress(Candidates candidates, const std::optional<NmsParams>& params, const NmsOps& ops) {
  if (!params) return candidates;
  const size_t count = candidates.scores.size();
  const ScoredBoxes boxes{candidates.boxes.data(), candidates.scores.data(), candidates.class_ids.data(),
                          count};
  Suppression suppression(boxes, *params, ops, count);
  Candidates kept;
  for (size_t i = 0; i < count; i++) {
    if (!suppression.Keeps(i)) continue;
    const auto box = candidates.boxes.begin() + static_cast<std::ptrdiff_t>(i * 4);
    kept.class_ids.push_back(candidates.class_ids[i]);
    kept.scores.push_back(candidates.scores[i]);
    kept.boxes.insert(kept.boxes.end(), box, box + 4);
  }
  return kept;
}

}  // namespace sightline
