#include "kernels/argmax/argmax.h"

namespace sightline {

void FillClassMap(const ArgmaxParams& params, const ArgmaxOps& ops) {
  Visit(params.logits, [&](auto logits) {
    const auto* planes = logits.data();
    using T = std::remove_cv_t<std::remove_pointer_t<decltype(planes)>>;
    std::get<Argmax<T>>(ops.argmax)(planes, params.classes, params.count, params.class_map);
  });
}

}  // namespace sightline
