#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sightline {

/** More than any inspection shows; keeps a noisy model from stalling the frame in suppression. */
constexpr size_t kMaxCandidates = 1000;

/** Detections before labels, in flat arrays. */
struct Candidates {
  std::vector<uint32_t> class_ids;
  std::vector<float> scores;
  /** Left, top, right, bottom of each, in pixels of the model's input. */
  std::vector<float> boxes;

  explicit Candidates(size_t count = 0) : class_ids(count), scores(count), boxes(count * 4) {}
};

}  // namespace sightline
