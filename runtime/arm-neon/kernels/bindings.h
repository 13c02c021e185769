#pragma once

#include <napi.h>

namespace sightline {

/** Adds `normalize` and `cpuFeatures` to the addon. */
void BindKernels(Napi::Env env, Napi::Object exports);

}  // namespace sightline
