#pragma once

#include "kernels/call.h"

namespace sightline {

/** distances(queries, bank, options, neighbours); see distances.ts. */
Failure ParseDistances(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
