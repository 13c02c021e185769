#pragma once

#include <vector>

#include "kernels/cpu_features.h"

namespace sightline {

/** Of one kernel, the implementations that this build has, best first. */
struct KernelVariants {
  const char* kernel;
  struct Named {
    const char* name;
    Features needs;
  };
  std::vector<Named> variants;
};

std::vector<KernelVariants> ListKernels();

}  // namespace sightline
