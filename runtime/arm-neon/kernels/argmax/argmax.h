#pragma once

#include <tuple>

#include "kernels/values.h"
#include "kernels/variant.h"

namespace sightline {

/** out[i] = the first class whose planes[class · count + i] no other exceeds; NaN counts as -Infinity. */
template <typename T>
using Argmax = void (*)(const T* planes, size_t classes, size_t count, uint8_t* out);

struct ArgmaxOps {
  std::tuple<Argmax<float>, Argmax<int8_t>, Argmax<uint8_t>> argmax;
};

#define KERNEL(variant, needs)    \
  namespace variant {             \
  extern const ArgmaxOps kArgmax; \
  }
#include "kernels/argmax/kernels.inc"
#undef KERNEL

inline constexpr Variant<ArgmaxOps> kArgmaxVariants[] = {
#define KERNEL(variant, needs) {#variant, needs, &variant::kArgmax},
#include "kernels/argmax/kernels.inc"
#undef KERNEL
};

struct ArgmaxParams {
  /** [classes, count] */
  Values logits;
  size_t classes, count;
  uint8_t* class_map;
};

void FillClassMap(const ArgmaxParams& params, const ArgmaxOps& ops);

}  // namespace sightline
