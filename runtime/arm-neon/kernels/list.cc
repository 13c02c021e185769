#include "kernels/list.h"

#include "kernels/argmax/argmax.h"
#include "kernels/convert/convert.h"
#include "kernels/distances/distances.h"
#include "kernels/nms/nms.h"
#include "kernels/preprocess/preprocess.h"
#include "kernels/regions/regions.h"
#include "kernels/scores/scores.h"
#include "kernels/yolo/yolo.h"

namespace sightline {
namespace {

template <typename Ops, size_t kCount>
KernelVariants Of(const char* kernel, const Variant<Ops> (&list)[kCount]) {
  KernelVariants found{kernel, {}};
  for (const Variant<Ops>& variant : list) found.variants.push_back({variant.name, variant.needs});
  return found;
}

}  // namespace

std::vector<KernelVariants> ListKernels() {
  return {
      Of("convert", kConvertVariants),
      Of("distances", kDistancesVariants),
      Of("preprocess", kPreprocessVariants),
      Of("scores", kScoresVariants),
      Of("nms", kNmsVariants),
      Of("yolo", kYoloVariants),
      // Its loops are those of `scores`.
      Of("peaks", kScoresVariants),
      Of("argmax", kArgmaxVariants),
      Of("regions", kRegionsVariants),
  };
}

}  // namespace sightline
