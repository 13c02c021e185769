#pragma once

#include "arguments.h"
#include "engine/ort_api.h"

namespace sightline {

/**
 * Lets sessions of the environment that ask for it take their memory from memory/tensor_arena. ONNX Runtime
 * has one environment a process, whoever opens it; that it knows the allocator already is no failure.
 */
bool UseArena(const OrtApi& api, OrtEnv* env, Failure* failure);

}  // namespace sightline
