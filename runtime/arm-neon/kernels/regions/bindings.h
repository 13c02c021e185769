#pragma once

#include "kernels/call.h"

namespace sightline {

/** regions(image: Float32Array | Uint8Array, options) → {classIds, areas, boxes, peaks, centroids}; see
 * regions.ts. */
Failure ParseRegions(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
