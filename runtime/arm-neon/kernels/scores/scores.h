#pragma once

#include <tuple>

#include "kernels/scores/selection.h"
#include "kernels/values.h"
#include "kernels/variant.h"

namespace sightline {

/** First index from `from` on whose value is `least` or more; `count` when there is none. NaN never is. */
template <typename T>
using Reach = size_t (*)(const T* values, size_t from, size_t count, T least);

struct ScoresOps {
  std::tuple<Reach<float>, Reach<int8_t>, Reach<uint8_t>> reach;
};

#define KERNEL(variant, needs)    \
  namespace variant {             \
  extern const ScoresOps kScores; \
  }
#include "kernels/scores/kernels.inc"
#undef KERNEL

inline constexpr Variant<ScoresOps> kScoresVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kScores},
#include "kernels/scores/kernels.inc"
#undef KERNEL
};

/** The best of `values`, at most `limit` of them, each `least` or more; with no `least` there are none. */
template <typename T>
std::vector<Scored<T>> SelectBest(const T* values, size_t count, std::optional<T> least, size_t limit,
                                  const ScoresOps& ops) {
  Best<T> best(limit, least);
  for (size_t i = 0; best.least(); i++) {
    i = std::get<Reach<T>>(ops.reach)(values, i, count, *best.least());
    if (i == count) break;
    best.Add(values[i], static_cast<uint32_t>(i));
  }
  return best.Take();
}

struct ScoresParams {
  Values values;
  double score_min;
  size_t limit;
};

struct SelectedScores {
  std::vector<uint32_t> indices;
  std::vector<float> scores;
};

SelectedScores SelectScores(const ScoresParams& params, const ScoresOps& ops);

}  // namespace sightline
