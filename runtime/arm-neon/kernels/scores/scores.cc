#include "kernels/scores/scores.h"

namespace sightline {

SelectedScores SelectScores(const ScoresParams& params, const ScoresOps& ops) {
  return Visit(params.values, [&](auto values) {
    SelectedScores selected;
    const auto least = values.Least(params.score_min);
    for (const auto& best : SelectBest(values.data(), values.count(), least, params.limit, ops)) {
      selected.indices.push_back(best.index);
      selected.scores.push_back(values.Real(best.score));
    }
    return selected;
  });
}

}  // namespace sightline
