#include "kernels/workload.h"

#include <memory>

#include "kernels/peaks/peaks.h"

namespace sightline {

std::vector<Workload> PeaksWorkloads() {
  constexpr size_t kSide = 80, kClasses = 6, kPlane = kSide * kSide;
  const auto heat = std::make_shared<std::vector<float>>(kClasses * kPlane, 0.01f);
  for (size_t i = 0; i < heat->size(); i += 977) (*heat)[i] = 0.8f;
  const auto edges = std::make_shared<std::vector<float>>(4 * kPlane, 1.5f);
  return {MakeWorkload<ScoresOps>(
      "peaks/6x80x80-f32", kClasses * kPlane, "cell", kScoresVariants, [heat, edges](const ScoresOps& ops) {
        const Values heats{ValueType::kFloat32, heat->data(), heat->size(), {}};
        const Values edge_values{ValueType::kFloat32, edges->data(), edges->size(), {}};
        FindPeaks(
            {heats, edge_values, kClasses, kSide, kSide, 8, {0.3, kMaxCandidates, NmsParams{0.4f, false}}},
            ops, generic::kNms);
      })};
}

}  // namespace sightline
