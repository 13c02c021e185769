#include "kernels/call.h"

namespace sightline {
namespace {

/** Keeps the arrays alive while a thread of libuv's works on them. */
class Task final : public Napi::AsyncWorker {
 public:
  Task(Napi::Env env, Call call)
      : AsyncWorker(env, "sightline"),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(call.work)),
        result_(std::move(call.result)) {
    for (Napi::Object& array : call.arrays) arrays_.push_back(Napi::Persistent(array));
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  void Execute() override { work_(); }
  void OnOK() override { deferred_.Resolve(result_ ? result_(Env()) : Env().Undefined()); }

  const Napi::Promise::Deferred deferred_;
  const std::function<void()> work_;
  const std::function<Napi::Value(Napi::Env)> result_;
  std::vector<Napi::ObjectReference> arrays_;
};

}  // namespace

Napi::Value CallKernel(const Napi::CallbackInfo& info, Features features, ParseCall parse) {
  Napi::Env env = info.Env();
  Call call;
  const Failure failure = parse(info, features, &call);
  // A getter of the caller may have thrown: its own error says more.
  if (env.IsExceptionPending()) return env.Undefined();
  if (failure) {
    const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
    const Napi::Value error = MakeError(env, failure);
    deferred.Reject(error.IsEmpty() ? env.Undefined() : error);
    return deferred.Promise();
  }
  auto* task = new Task(env, std::move(call));
  const Napi::Promise promise = task->promise();
  task->Queue();
  return promise;
}

}  // namespace sightline
