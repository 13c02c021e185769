#include <napi.h>

#include "arguments.h"
#include "engine/engine.h"
#include "kernels/kernels.h"
#include "memory/bindings.h"
#include "notify_socket.h"

namespace {

/** Takes (code, message) → SightlineError; until then errors are plain. */
Napi::Value UseErrors(const Napi::CallbackInfo& info) {
  auto* state = info.Env().GetInstanceData<sightline::AddonState>();
  if (!info[0].IsFunction()) {
    return sightline::Throw(info.Env(), "ERR_ADDON_ARGUMENT", "useErrors: wanted a function");
  }
  state->make_error = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new sightline::AddonState);
  exports.Set("useErrors", Napi::Function::New<UseErrors>(env, "useErrors"));
  sightline::BindMemory(env, exports);
  sightline::Engine::Bind(env, exports);
  sightline::Kernels::Bind(env, exports);
  sightline::BindNotifySocket(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(sightline, Init)
