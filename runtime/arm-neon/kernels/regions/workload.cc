#include "kernels/workload.h"

#include <memory>

#include "kernels/regions/regions.h"

namespace sightline {

std::vector<Workload> RegionsWorkloads() {
  constexpr size_t kSide = 320, kSpot = 12, kStep = 64;
  const auto map = std::make_shared<std::vector<float>>(kSide * kSide);
  for (size_t y = 0; y < kSide; y++) {
    for (size_t x = 0; x < kSide; x++) {
      (*map)[y * kSide + x] = x % kStep < kSpot && y % kStep < kSpot ? 0.9f : 0.1f;
    }
  }
  Workload workload{"regions/320x320-f32", kSide * kSide, "pixel", {}};
  static_assert(std::size(kRegionsVariants) == std::size(kScoresVariants));
  for (size_t i = 0; i < std::size(kRegionsVariants); i++) {
    workload.runs.push_back({kRegionsVariants[i].name, [map, i] {
                               FindRegions({map->data(), nullptr, 0.5f, kSide, kSide, true, 100},
                                           *kScoresVariants[i].ops, *kRegionsVariants[i].ops);
                             }});
  }
  return {workload};
}

}  // namespace sightline
