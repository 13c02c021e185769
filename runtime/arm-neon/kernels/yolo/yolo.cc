#include "kernels/yolo/yolo.h"

namespace sightline {
namespace {

/** A box as its centre and size. */
void PutBox(float cx, float cy, float width, float height, float* box) {
  box[0] = cx - width / 2;
  box[1] = cy - height / 2;
  box[2] = cx + width / 2;
  box[3] = cy + height / 2;
}

/** The first class with the box's best score; bounded, should the caller write into the tensor meanwhile. */
template <typename T>
uint32_t ClassOf(const T* rows, const YoloParams& params, const Scored<T>& best) {
  const T* score = rows + best.index;
  uint32_t class_id = 0;
  for (; class_id + 1 < params.classes && *score != best.score; score += params.boxes) class_id++;
  return class_id;
}

template <typename T>
Candidates DecodeColumns(const YoloParams& params, ValuesOf<T> output, const ScoresOps& scores_ops,
                         const YoloOps& ops) {
  const size_t n = params.boxes;
  const T *data = output.data(), *scores = data + 4 * n;
  std::vector<T> tops(n);
  std::get<MaxRows<T>>(ops.max_rows)(scores, params.classes, n, n, tops.data());
  const auto least = output.Least(params.wanted.score_min);
  const auto best = SelectBest(tops.data(), n, least, params.wanted.limit, scores_ops);
  Candidates found(best.size());
  for (size_t k = 0; k < best.size(); k++) {
    const auto at = [&](size_t row) { return output.Real(data[row * n + best[k].index]); };
    found.class_ids[k] = ClassOf(scores, params, best[k]);
    found.scores[k] = output.Real(best[k].score);
    PutBox(at(0), at(1), at(2), at(3), &found.boxes[k * 4]);
  }
  return found;
}

constexpr size_t kObjectness = 4, kFirstClass = 5;

/** The best boxes by objectness · best class, both of which count only from `score_min` on. */
template <typename T>
std::vector<Scored<float>> SelectRows(const YoloParams& params, ValuesOf<T> output, const YoloOps& ops) {
  const size_t columns = kFirstClass + params.classes;
  const auto max_of = std::get<MaxOf<T>>(ops.max_of);
  const auto objectness_least = output.Least(params.wanted.score_min);
  Best<float> best(params.wanted.limit, LeastFloat(params.wanted.score_min));
  const T* row = output.data();
  for (size_t n = 0; n < params.boxes && objectness_least && best.least(); n++, row += columns) {
    if (!(row[kObjectness] >= *objectness_least)) continue;
    // Adding 0 takes the sign off a zero, which depends on the order in which a variant looks.
    const float top = output.Real(max_of(row + kFirstClass, params.classes)) + 0.0f;
    const float score = output.Real(row[kObjectness]) * top;
    if (score >= *best.least()) best.Add(score, static_cast<uint32_t>(n));
  }
  return best.Take();
}

template <typename T>
Candidates DecodeRows(const YoloParams& params, ValuesOf<T> output, const ScoresOps& scores_ops,
                      const YoloOps& ops) {
  const auto best = SelectRows(params, output, ops);
  const auto reach = std::get<Reach<T>>(scores_ops.reach);
  const auto max_of = std::get<MaxOf<T>>(ops.max_of);
  Candidates found(best.size());
  for (size_t k = 0; k < best.size(); k++) {
    const T* row = output.data() + best[k].index * (kFirstClass + params.classes);
    const T *scores = row + kFirstClass, top = max_of(scores, params.classes);
    const auto at = [&](size_t column) { return output.Real(row[column]); };
    found.class_ids[k] = static_cast<uint32_t>(reach(scores, 0, params.classes, top));
    found.scores[k] = best[k].score;
    PutBox(at(0), at(1), at(2), at(3), &found.boxes[k * 4]);
  }
  return found;
}

}  // namespace

Candidates DecodeYolo(const YoloParams& params, const ScoresOps& scores_ops, const NmsOps& nms_ops,
                      const YoloOps& ops) {
  Candidates found = Visit(params.output, [&](auto output) {
    return params.has_columns ? DecodeColumns(params, output, scores_ops, ops)
                              : DecodeRows(params, output, scores_ops, ops);
  });
  return Suppress(std::move(found), params.wanted.nms, nms_ops);
}

}  // namespace sightline
