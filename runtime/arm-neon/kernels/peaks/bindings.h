#pragma once

#include "kernels/call.h"

namespace sightline {

/** peaks(heat, edges: Float32Array | Int8Array | Uint8Array, options) → {classIds, scores, boxes}; see
 * peaks.ts. */
Failure ParsePeaks(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
