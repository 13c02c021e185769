#include "engine/engine.h"

#include <algorithm>
#include <map>
#include <optional>

#include "engine/tensor_arguments.h"
#include "engine/weights_argument.h"

namespace sightline {
namespace {

constexpr int64_t kMaxSlots = 64;
constexpr int64_t kMaxThreads = 256;
/** The one that loads and the one that reads ahead. */
constexpr size_t kOtherThreads = 2;
constexpr const char* kArgument = "ERR_ADDON_ARGUMENT";

const std::map<std::string, OrtGraphOptimization> kOptimizations = {
    {"none", kOrtOptimizeNone},
    {"basic", kOrtOptimizeBasic},
    {"extended", kOrtOptimizeExtended},
    {"all", kOrtOptimizeAll},
};

/** What is undefined keeps its default; nothing when a value has the wrong type. */
std::optional<LoadOptions> ReadLoadOptions(const Napi::Value& value) {
  LoadOptions options;
  if (value.IsUndefined()) return options;
  if (!value.IsObject()) return std::nullopt;
  const Napi::Object given = value.As<Napi::Object>();
  const auto read = [&](const char* key, std::string* into) {
    const Napi::Value text = given.Get(key);
    if (text.IsString()) *into = text.As<Napi::String>();
    return text.IsString() || text.IsUndefined();
  };
  std::string optimization = "all";
  if (!read("optimization", &optimization) || !read("optimizedPath", &options.optimized_path) ||
      !read("profilePrefix", &options.profile_prefix) || !read("label", &options.label) ||
      kOptimizations.count(optimization) == 0) {
    return std::nullopt;
  }
  options.optimization = kOptimizations.at(optimization);
  const Napi::Value entries = given.Get("entries");
  if (entries.IsUndefined()) return options;
  if (!entries.IsObject()) return std::nullopt;
  const Napi::Array keys = entries.As<Napi::Object>().GetPropertyNames();
  for (uint32_t i = 0; i < keys.Length(); i++) {
    const Napi::Value key = keys.Get(i);
    const Napi::Value entry = entries.As<Napi::Object>().Get(key);
    if (!key.IsString() || !entry.IsString()) return std::nullopt;
    options.entries.emplace_back(key.As<Napi::String>(), entry.As<Napi::String>());
  }
  return options;
}

}  // namespace

void Engine::Bind(Napi::Env env, Napi::Object exports) {
  exports.Set(
      "Engine",
      DefineClass(env, "Engine",
                  {InstanceMethod<&Engine::Version>("version"), InstanceMethod<&Engine::Load>("load"),
                   InstanceMethod<&Engine::Run>("run"), InstanceMethod<&Engine::Unload>("unload"),
                   InstanceMethod<&Engine::Prefetch>("prefetch"), InstanceMethod<&Engine::Memory>("memory"),
                   InstanceMethod<&Engine::Map>("map"), InstanceMethod<&Engine::Mapped>("mapped"),
                   InstanceMethod<&Engine::Unmap>("unmap"), InstanceMethod<&Engine::Cancel>("cancel"),
                   // Writable, as of any class: index.ts puts its own around it.
                   InstanceMethod<&Engine::CloseFromJs>("close", napi_default_method)}));
}

Engine::Engine(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Engine>(info) {
  const auto slots = ReadInteger(info[1], 1, kMaxSlots);
  if (!info[0].IsString() || !slots) {
    Throw(Env(), kArgument, "Engine: wanted the library's path and 1 to 64 slots");
    return;
  }
  Failure failure;
  runtime_ = OrtRuntime::Open(info[0].As<Napi::String>(), &failure);
  if (!runtime_) {
    Throw(Env(), failure.code, failure.message);
    return;
  }
  if (info[2].IsString()) {
    record_ =
        FlightRecord::Open(info[2].As<Napi::String>(), static_cast<size_t>(*slots) + kOtherThreads, &failure);
    if (!record_) {
      Throw(Env(), failure.code, failure.message);
      return;
    }
  }
  if (!StartSlots(static_cast<size_t>(*slots))) Throw(Env(), kArgument, "Engine: no threadsafe function");
}

Engine::~Engine() {
  Close();
}

bool Engine::StartSlots(size_t count) {
  // Made before the cleanup hook: hooks run last in, first out, and ours must find it alive.
  if (napi_create_threadsafe_function(Env(), nullptr, nullptr, Napi::String::New(Env(), "sightline"), 0, 1,
                                      nullptr, nullptr, this, OnJobDone, &settle_) != napi_ok) {
    return false;
  }
  napi_unref_threadsafe_function(Env(), settle_);
  RenewCleanupHook();
  const auto done = [settle = settle_](uint32_t ticket) {
    napi_call_threadsafe_function(settle, reinterpret_cast<void*>(static_cast<uintptr_t>(ticket)),
                                  napi_tsfn_nonblocking);
  };
  const auto entry = [this](size_t thread) { return record_ ? record_->entry(thread) : nullptr; };
  for (size_t i = 0; i < count; i++) {
    slots_.push_back(std::make_unique<Slot>(std::to_string(i), done, entry(i)));
  }
  loader_ = std::make_unique<Slot>("load", done, entry(count));
  reader_ = std::make_unique<Slot>("read", done, entry(count + 1));
  return true;
}

Napi::Value Engine::Version(const Napi::CallbackInfo& info) {
  if (!runtime_) return Throw(info.Env(), "ERR_SESSION_CLOSED", "the engine is closed");
  return Napi::String::New(info.Env(), runtime_->version);
}

Napi::Value Engine::Load(const Napi::CallbackInfo& info) {
  uint32_t ticket = 0;
  if (!ReadTicket(info, &ticket)) return info.Env().Undefined();
  const auto threads = ReadInteger(info[2], 1, kMaxThreads);
  const auto bytes = ReadArray(info[1]);
  const bool is_bytes = bytes && bytes->type == napi_uint8_array && bytes->bytes > 0;
  if (!threads || !(info[1].IsString() || is_bytes)) {
    return Throw(info.Env(), kArgument, "load: wanted a path or a filled Uint8Array, and 1 to 256 threads");
  }
  ModelSource source;
  if (is_bytes) {
    source.data = bytes->data;
    source.bytes = bytes->bytes;
  } else {
    source.path = info[1].As<Napi::String>();
  }
  auto options = ReadLoadOptions(info[3]);
  if (!options || !ReadWeights(
                      info[3], [this](const Napi::Value& id) { return FindFile(id); }, &*options)) {
    return Throw(info.Env(), kArgument, "load: the options are not valid");
  }
  options->intra_op_threads = static_cast<int>(*threads);
  auto job = std::make_shared<LoadJob>(ticket, runtime_, std::move(source), std::move(*options));
  Pending pending{job, Napi::Promise::Deferred::New(info.Env()), {}, nullptr};
  if (is_bytes) pending.held.push_back(Napi::Persistent(info[1].As<Napi::Object>()));
  pending.result = [this, job](Napi::Env env) {
    const uint32_t id = ++last_session_;
    Session& session = sessions_.emplace(id, Session{std::move(job->model), 0, nullptr}).first->second;
    return DescribeSession(env, id, *session.model);
  };
  return Submit(loader_.get(), std::move(pending));
}

Napi::Value Engine::Run(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint32_t ticket = 0;
  uint32_t id = 0;
  if (!ReadTicket(info, &ticket)) return env.Undefined();
  const auto slot = ReadInteger(info[1], 0, static_cast<int64_t>(slots_.size()) - 1);
  if (!slot) return Throw(env, kArgument, "run: there is no such slot");
  Session* session = ReadSession(info, 2, &id);
  if (session == nullptr) return env.Undefined();
  std::vector<TensorView> feeds, fetches;
  std::vector<Napi::ObjectReference> held;
  std::string problem;
  if (!ReadTensors(info[3], session->model->inputs(), &feeds, &held, &problem) ||
      !ReadTensors(info[4], session->model->outputs(), &fetches, &held, &problem)) {
    return Throw(env, kArgument, "run: " + problem);
  }
  const bool let_go = info[5].IsBoolean() && info[5].As<Napi::Boolean>();
  auto job = std::make_shared<RunJob>(ticket, session->model, std::move(feeds), std::move(fetches), let_go);
  Pending pending{job, Napi::Promise::Deferred::New(env), std::move(held), nullptr};
  pending.result = [job](Napi::Env env) { return HandOver(env, job.get()); };
  session->runs++;
  pending.session = id;
  return Submit(slots_[static_cast<size_t>(*slot)].get(), std::move(pending));
}

Napi::Value Engine::Prefetch(const Napi::CallbackInfo& info) {
  uint32_t ticket = 0;
  uint32_t id = 0;
  if (!ReadTicket(info, &ticket)) return info.Env().Undefined();
  Session* session = ReadSession(info, 1, &id);
  if (session == nullptr) return info.Env().Undefined();
  auto job = std::make_shared<PrefetchJob>(ticket, session->model);
  Pending pending{job, Napi::Promise::Deferred::New(info.Env()), {}, nullptr};
  pending.result = [](Napi::Env env) { return env.Undefined(); };
  // It counts as a run: the model's memory goes once nobody reads it in any more.
  session->runs++;
  pending.session = id;
  return Submit(reader_.get(), std::move(pending));
}

Napi::Value Engine::Memory(const Napi::CallbackInfo& info) {
  uint32_t id = 0;
  const Session* session = ReadSession(info, 0, &id);
  if (session == nullptr) return info.Env().Undefined();
  const Model& model = *session->model;
  Napi::Object result = Napi::Object::New(info.Env());
  const auto set = [&](const char* key, double value) {
    result.Set(key, Napi::Number::New(info.Env(), value));
  };
  set("weightsBytes", static_cast<double>(model.weights_bytes()));
  set("activationPeakBytes", static_cast<double>(model.activations_peak()));
  set("mappedBytes", static_cast<double>(model.mapped_bytes()));
  return result;
}

Napi::Value Engine::Map(const Napi::CallbackInfo& info) {
  uint32_t ticket = 0;
  if (!ReadTicket(info, &ticket)) return info.Env().Undefined();
  if (!info[1].IsString()) return Throw(info.Env(), kArgument, "map: wanted a path");
  auto job = std::make_shared<MapJob>(ticket, info[1].As<Napi::String>());
  Pending pending{job, Napi::Promise::Deferred::New(info.Env()), {}, nullptr};
  pending.result = [this, job](Napi::Env env) {
    const uint32_t id = ++last_file_;
    Napi::Object result = Napi::Object::New(env);
    result.Set("file", Napi::Number::New(env, id));
    result.Set("bytes", Napi::Number::New(env, static_cast<double>(job->file->bytes())));
    files_.emplace(id, std::move(job->file));
    return result;
  };
  return Submit(loader_.get(), std::move(pending));
}

Napi::Value Engine::Mapped(const Napi::CallbackInfo& info) {
  const std::shared_ptr<MappedFile> file = FindFile(info[0]);
  if (!file) return Throw(info.Env(), kArgument, "mapped: there is no such file");
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("intact", Napi::Boolean::New(info.Env(), file->Intact()));
  result.Set("residentBytes", Napi::Number::New(info.Env(), static_cast<double>(file->ResidentBytes())));
  return result;
}

Napi::Value Engine::Unmap(const Napi::CallbackInfo& info) {
  const auto id = ReadInteger(info[0], 0, UINT32_MAX);
  if (id) files_.erase(static_cast<uint32_t>(*id));
  return info.Env().Undefined();
}

std::shared_ptr<MappedFile> Engine::FindFile(const Napi::Value& value) const {
  const auto id = ReadInteger(value, 0, UINT32_MAX);
  const auto found = id ? files_.find(static_cast<uint32_t>(*id)) : files_.end();
  return found == files_.end() ? nullptr : found->second;
}

Napi::Value Engine::Unload(const Napi::CallbackInfo& info) {
  uint32_t ticket = 0;
  uint32_t id = 0;
  if (!ReadTicket(info, &ticket)) return info.Env().Undefined();
  Session* session = ReadSession(info, 1, &id);
  if (session == nullptr) return info.Env().Undefined();
  auto job = std::make_shared<UnloadJob>(ticket, std::move(session->model));
  session->unload = job;
  Pending pending{job, Napi::Promise::Deferred::New(info.Env()), {}, nullptr};
  pending.result = [](Napi::Env env) { return env.Undefined(); };
  const Napi::Value promise = Submit(nullptr, std::move(pending));
  ReleaseWhenIdle(id);
  return promise;
}

Napi::Value Engine::Cancel(const Napi::CallbackInfo& info) {
  const auto ticket = ReadInteger(info[0], 0, UINT32_MAX);
  const auto found = ticket ? pending_.find(static_cast<uint32_t>(*ticket)) : pending_.end();
  if (found == pending_.end() || !found->second.job->cancellable()) return Napi::Boolean::New(Env(), false);
  Pending& pending = found->second;
  pending.job->Terminate();
  if (pending.slot->Remove(*pending.job)) {
    pending.job->failure = {"ERR_SESSION_CANCELLED", "cancelled before it began"};
    Settle(info.Env(), static_cast<uint32_t>(*ticket));
  }
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value Engine::CloseFromJs(const Napi::CallbackInfo& info) {
  Close();
  return info.Env().Undefined();
}

bool Engine::ReadTicket(const Napi::CallbackInfo& info, uint32_t* ticket) {
  if (slots_.empty()) {
    Throw(info.Env(), "ERR_SESSION_CLOSED", "the engine is closed");
    return false;
  }
  const auto number = ReadInteger(info[0], 0, UINT32_MAX);
  if (!number || pending_.count(static_cast<uint32_t>(*number)) != 0) {
    Throw(info.Env(), kArgument, "a ticket must be a 32-bit number that is not in use");
    return false;
  }
  *ticket = static_cast<uint32_t>(*number);
  return true;
}

Engine::Session* Engine::ReadSession(const Napi::CallbackInfo& info, size_t argument, uint32_t* id) {
  const auto number = ReadInteger(info[argument], 0, UINT32_MAX);
  const auto found = number ? sessions_.find(static_cast<uint32_t>(*number)) : sessions_.end();
  if (found == sessions_.end() || found->second.unload) {
    Throw(info.Env(), "ERR_SESSION_CLOSED", "the session is unloaded");
    return nullptr;
  }
  *id = found->first;
  return &found->second;
}

/** Without a slot the job waits until `ReleaseWhenIdle` gives it one. */
Napi::Value Engine::Submit(Slot* slot, Pending pending) {
  const Napi::Promise promise = pending.deferred.Promise();
  const std::shared_ptr<Job> job = pending.job;
  if (pending_.empty()) {
    // While something is pending the process must stay alive, and this object with it.
    napi_ref_threadsafe_function(Env(), settle_);
    Ref();
  }
  RenewCleanupHook();
  pending.slot = slot;
  pending_.emplace(job->ticket, std::move(pending));
  if (slot != nullptr) slot->Push(job);
  return promise;
}

void Engine::OnJobDone(napi_env env, napi_value, void* engine, void* ticket) {
  // Without an environment the queue is only being emptied, and the engine may be gone.
  if (env == nullptr) return;
  static_cast<Engine*>(engine)->Settle(env, static_cast<uint32_t>(reinterpret_cast<uintptr_t>(ticket)));
}

void Engine::Settle(Napi::Env env, uint32_t ticket) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return;
  Napi::HandleScope scope(env);
  const uint32_t session = found->second.session;
  {
    // The job goes first: it shares the model that the end of its run may set free.
    const Pending pending = std::move(found->second);
    pending_.erase(found);
    Conclude(env, pending);
  }
  if (session != 0) RunEnded(session);
  if (pending_.empty() && settle_ != nullptr) {
    napi_unref_threadsafe_function(env, settle_);
    Unref();
  }
}

void Engine::Conclude(Napi::Env env, const Pending& pending) {
  if (!pending.job->failure) {
    pending.deferred.Resolve(pending.result(env));
    return;
  }
  const Napi::Value error = MakeError(env, pending.job->failure);
  pending.deferred.Reject(error.IsEmpty() ? env.Undefined() : error);
}

void Engine::RunEnded(uint32_t session) {
  sessions_.at(session).runs--;
  ReleaseWhenIdle(session);
}

/** Starts the release that `Unload` asked for, once the last run has ended. */
void Engine::ReleaseWhenIdle(uint32_t id) {
  const auto found = sessions_.find(id);
  if (found->second.runs != 0 || !found->second.unload) return;
  loader_->Push(std::move(found->second.unload));
  sessions_.erase(found);
}

/**
 * Hooks run last in, first out, and a buffer that another addon or Node made is freed by such a hook. Ours
 * has to run before those of all buffers in use, that is, to be newer than any of them.
 */
void Engine::RenewCleanupHook() {
  if (hooked_) napi_remove_env_cleanup_hook(Env(), OnEnvironmentEnd, this);
  hooked_ = napi_add_env_cleanup_hook(Env(), OnEnvironmentEnd, this) == napi_ok;
}

void Engine::OnEnvironmentEnd(void* engine) {
  static_cast<Engine*>(engine)->hooked_ = false;
  static_cast<Engine*>(engine)->Close();
}

/** Blocks until the present job of each slot has ended: runs at once, a load when it is through. */
void Engine::Close() {
  for (auto& [ticket, pending] : pending_) pending.job->Terminate();
  for (auto& slot : slots_) slot->Stop();
  if (loader_) loader_->Stop();
  if (reader_) reader_->Stop();
  slots_.clear();
  loader_.reset();
  reader_.reset();
  if (settle_ != nullptr) napi_release_threadsafe_function(settle_, napi_tsfn_abort);
  settle_ = nullptr;
  if (hooked_) napi_remove_env_cleanup_hook(Env(), OnEnvironmentEnd, this);
  hooked_ = false;
  pending_.clear();
  sessions_.clear();
  files_.clear();
  record_.reset();
  runtime_.reset();
}

}  // namespace sightline
