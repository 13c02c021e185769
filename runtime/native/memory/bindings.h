#pragma once

#include <napi.h>

namespace sightline {

/** Adds `allocate`, `attach`, `memoryUse` and `tensorMemory` to the addon. */
void BindMemory(Napi::Env env, Napi::Object exports);

}  // namespace sightline
