#include "kernels/workload.h"

#include <memory>

#include "kernels/scores/scores.h"

namespace sightline {

std::vector<Workload> ScoresWorkloads() {
  constexpr size_t kCount = 160 * 160;
  const auto scores = std::make_shared<std::vector<float>>(kCount);
  // One in 641 reaches the threshold.
  for (size_t i = 0; i < kCount; i++) (*scores)[i] = i % 641 == 0 ? 0.9f : 0.01f;
  return {MakeWorkload<ScoresOps>("scores/160x160-f32", kCount, "score", kScoresVariants,
                                  [scores](const ScoresOps& ops) {
                                    const Values values{ValueType::kFloat32, scores->data(), kCount, {}};
                                    SelectScores({values, 0.5, 100}, ops);
                                  })};
}

}  // namespace sightline
