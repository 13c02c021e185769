#pragma once

#include "kernels/call.h"

namespace sightline {

/** See convert.ts. */
Failure ParseToFloat16(const Napi::CallbackInfo& info, Features features, Call* call);
Failure ParseToFloat32(const Napi::CallbackInfo& info, Features features, Call* call);
Failure ParseQuantize(const Napi::CallbackInfo& info, Features features, Call* call);
Failure ParseDequantize(const Napi::CallbackInfo& info, Features features, Call* call);

}  // namespace sightline
