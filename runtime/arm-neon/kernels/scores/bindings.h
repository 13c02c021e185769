#pragma once

#include "kernels/call.h"

namespace sightline {

/** scores(values: Float32Array | Int8Array | Uint8Array, options) → {indices, scores}; see scores.ts. */
Failure ParseScores(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
