#pragma once

#include "kernels/call.h"

namespace sightline {

/** preprocess(pixels: Uint8Array, options, tensor: Float32Array | Uint8Array | Int8Array, start); see
 * kernels.ts. */
Failure ParsePreprocess(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
