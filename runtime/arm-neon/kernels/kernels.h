#pragma once

#include <napi.h>

#include "kernels/cpu_features.h"

namespace sightline {

/**
 * The kernels as JavaScript sees them: an object that was made for a set of CPU features, and runs the best
 * variants that these allow, each call on one of libuv's threads. Every method of a kernel gives a promise.
 *
 *   new Kernels(names?)     features by name, each of which this CPU must have; left out: all that it has
 *   chosen()                → {kernel: variant}
 */
class Kernels : public Napi::ObjectWrap<Kernels> {
 public:
  /** Adds the class, `cpuFeatures` and `kernelVariants` to the addon. */
  static void Bind(Napi::Env env, Napi::Object exports);
  explicit Kernels(const Napi::CallbackInfo& info);

 private:
  Napi::Value Chosen(const Napi::CallbackInfo& info);

  /** Any kernel's method; which one is in the method's data. */
  Napi::Value Run(const Napi::CallbackInfo& info);

  Features features_ = 0;
};

}  // namespace sightline
