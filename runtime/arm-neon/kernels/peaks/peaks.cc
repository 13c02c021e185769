#include "kernels/peaks/peaks.h"

namespace sightline {
namespace {

/** No neighbour is higher; of equal neighbours the first is the peak. */
template <typename T>
bool IsPeak(const T* heat, const PeaksParams& params, size_t i) {
  const size_t cell = i % (params.width * params.height), x = cell % params.width, y = cell / params.width;
  const T* at = heat + i;
  const auto first_x = x > 0 ? -1 : 0, last_x = x + 1 < params.width ? 1 : 0;
  const auto first_y = y > 0 ? -1 : 0, last_y = y + 1 < params.height ? 1 : 0;
  for (int dy = first_y; dy <= last_y; dy++) {
    for (int dx = first_x; dx <= last_x; dx++) {
      const std::ptrdiff_t step = dy * static_cast<std::ptrdiff_t>(params.width) + dx;
      if (at[step] > *at || (step < 0 && at[step] == *at)) return false;
    }
  }
  return true;
}

template <typename T>
std::vector<Scored<T>> SelectPeaks(const PeaksParams& params, ValuesOf<T> heat, const ScoresOps& ops) {
  Best<T> best(params.wanted.limit, heat.Least(params.wanted.score_min));
  const auto reach = std::get<Reach<T>>(ops.reach);
  for (size_t i = 0; best.least(); i++) {
    i = reach(heat.data(), i, heat.count(), *best.least());
    if (i == heat.count()) break;
    if (IsPeak(heat.data(), params, i)) best.Add(heat.data()[i], static_cast<uint32_t>(i));
  }
  return best.Take();
}

void PutBox(const PeaksParams& params, size_t cell, float* box) {
  const size_t plane = params.width * params.height;
  const auto edge = [&](size_t n) { return RealAt(params.edges, n * plane + cell) * params.stride; };
  const float cx = (static_cast<float>(cell % params.width) + 0.5f) * params.stride;
  const float cy = (static_cast<float>(cell / params.width) + 0.5f) * params.stride;
  box[0] = cx - edge(0);
  box[1] = cy - edge(1);
  box[2] = cx + edge(2);
  box[3] = cy + edge(3);
}

}  // namespace

Candidates FindPeaks(const PeaksParams& params, const ScoresOps& scores_ops, const NmsOps& nms_ops) {
  const size_t plane = params.width * params.height;
  Candidates found = Visit(params.heat, [&](auto heat) {
    const auto peaks = SelectPeaks(params, heat, scores_ops);
    Candidates candidates(peaks.size());
    for (size_t k = 0; k < peaks.size(); k++) {
      candidates.class_ids[k] = static_cast<uint32_t>(peaks[k].index / plane);
      candidates.scores[k] = heat.Real(peaks[k].score);
      PutBox(params, peaks[k].index % plane, &candidates.boxes[k * 4]);
    }
    return candidates;
  });
  return Suppress(std::move(found), params.wanted.nms, nms_ops);
}

}  // namespace sightline
