#pragma once

#include "kernels/call.h"

namespace sightline {

/** nms({classIds: Uint32Array, scores: Float32Array, boxes: Float32Array}, options) → indices; see nms.ts. */
Failure ParseNms(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
