#include "kernels/list.h"

#include "kernels/preprocess/preprocess.h"

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
      Of("preprocess", kPreprocessVariants),
  };
}

}  // namespace sightline
