#include "kernels/workload.h"

#include <memory>

#include "kernels/nms/nms.h"

namespace sightline {

std::vector<Workload> NmsWorkloads() {
  // The worst case: as many boxes as are looked at, and all stay.
  const auto boxes = std::make_shared<Candidates>(kMaxCandidates);
  for (size_t i = 0; i < kMaxCandidates; i++) {
    boxes->scores[i] = 1 - static_cast<float>(i) / (2 * kMaxCandidates);
    const float left = static_cast<float>(i % 32) * 20, top = static_cast<float>(i / 32) * 20;
    const float corners[4] = {left, top, left + 18, top + 18};
    std::copy(corners, corners + 4, &boxes->boxes[i * 4]);
  }
  return {
      MakeWorkload<NmsOps>("nms/1000-apart", kMaxCandidates, "box", kNmsVariants, [boxes](const NmsOps& ops) {
        Suppress(*boxes, NmsParams{0.45f, false}, ops);
      })};
}

}  // namespace sightline
