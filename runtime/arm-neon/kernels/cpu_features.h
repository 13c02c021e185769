#pragma once

#include <vector>

namespace sightline {

/** What this CPU (and the kernel under it) can do, of the features that matter to inference. */
std::vector<const char*> CpuFeatures();

}  // namespace sightline
