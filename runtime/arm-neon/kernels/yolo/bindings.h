#pragma once

#include "kernels/call.h"

namespace sightline {

/** yolo(output: Float32Array | Int8Array | Uint8Array, options) → {classIds, scores, boxes}; see yolo.ts. */
Failure ParseYolo(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
