#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "arguments.h"
#include "kernels/cpu_features.h"

namespace sightline {

/** A kernel's call once its arguments are checked. */
struct Call {
  /** Touches nothing of JavaScript's, so any thread may do it while the arrays live. */
  std::function<void()> work;
  /** What the call returns, on the JavaScript thread after `work`; left out: undefined. */
  std::function<Napi::Value(Napi::Env)> result;
  /** The arrays whose memory `work` uses. */
  std::vector<Napi::Object> arrays;
};

/**
 * Reads the arguments of a call into `call`, or says what is wrong with them; writes nothing then. Getters of
 * the caller may run code, so an array's memory is looked up only after the last property was read.
 */
using ParseCall = Failure (*)(const Napi::CallbackInfo& info, Features features, Call* call);

/** Does the work on one of libuv's threads and gives a promise; a bad argument rejects it. */
Napi::Value CallKernel(const Napi::CallbackInfo& info, Features features, ParseCall parse);

}  // namespace sightline
