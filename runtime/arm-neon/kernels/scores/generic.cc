#include "kernels/scores/scores.h"

namespace sightline::generic {
namespace {

template <typename T>
size_t FirstReach(const T* values, size_t from, size_t count, T least) {
  for (size_t i = from; i < count; i++) {
    if (values[i] >= least) return i;
  }
  return count;
}

}  // namespace

const ScoresOps kScores = {{FirstReach<float>, FirstReach<int8_t>, FirstReach<uint8_t>}};

}  // namespace sightline::generic
