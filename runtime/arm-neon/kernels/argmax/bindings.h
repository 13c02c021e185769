#pragma once

#include "kernels/call.h"

namespace sightline {

/** argmax(logits: Float32Array | Int8Array | Uint8Array, options, classMap: Uint8Array); see argmax.ts. */
Failure ParseArgmax(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
