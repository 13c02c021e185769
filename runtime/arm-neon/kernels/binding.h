#pragma once

#include <vector>

#include "kernels/call.h"
#include "kernels/variant.h"

namespace sightline {

/** One kernel as the addon offers it. Its folder's bindings.cc defines one, and all.inc lists it. */
struct KernelBinding {
  struct Method {
    /** Its name in JavaScript. */
    const char* name;
    ParseCall parse;
  };
  /** As `chosen` and `kernelVariants` call it. */
  const char* kernel;
  /** The implementations that this build has, best first. */
  std::vector<NamedVariant> variants;
  std::vector<Method> methods;
};

#define KERNEL(name) extern const KernelBinding k##name##Kernel;
#include "kernels/all.inc"
#undef KERNEL

}  // namespace sightline
