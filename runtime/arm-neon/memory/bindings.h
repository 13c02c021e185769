#pragma once

#include <napi.h>

namespace sightline {

/** Adds `allocate`, `attach` and `memoryUse` to the addon. */
void BindMemory(Napi::Env env, Napi::Object exports);

}  // namespace sightline
