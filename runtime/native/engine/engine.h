#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/job.h"
#include "engine/slot.h"

namespace sightline {

/**
 * What JavaScript holds: slots, sessions by number, and promises by ticket (a number that the caller chooses,
 * so that it can cancel). All members but the slots' queues belong to the JavaScript thread.
 *
 *   new Engine(library, slots, recordPath?)                 throws ERR_ORT_LIBRARY
 *   version()                                               → "1.30.0"
 *   load(ticket, path | bytes, intraOpThreads, options?)    → Promise<{session, inputs, outputs}>
 *   run(ticket, slot, session, feeds, fetches, letGo?)      → Promise<(null | {dims, buffer})[]>
 *   prefetch(ticket, session)                               → Promise<undefined>
 *   memory(session)                                         → {weightsBytes, activationPeakBytes,
 * mappedBytes} map(ticket, path)                                       → Promise<{file, bytes}> mapped(file)
 * → {intact, residentBytes} unmap(file)                                             once no session reads it
 * any more unload(ticket, session)                                 → Promise<undefined> cancel(ticket) →
 * whether there was something to cancel close()                                                 ends runs,
 * joins the threads, frees everything
 */
class Engine : public Napi::ObjectWrap<Engine> {
 public:
  static void Bind(Napi::Env env, Napi::Object exports);
  explicit Engine(const Napi::CallbackInfo& info);
  ~Engine() override;

 private:
  /** A promise under way, with the JavaScript objects whose memory its job uses. */
  struct Pending {
    std::shared_ptr<Job> job;
    Napi::Promise::Deferred deferred;
    std::vector<Napi::ObjectReference> held;
    std::function<Napi::Value(Napi::Env)> result;
    Slot* slot = nullptr;
    /** The session that a run uses; 0 for other jobs. */
    uint32_t session = 0;
  };
  struct Session {
    std::shared_ptr<Model> model;
    size_t runs = 0;
    std::shared_ptr<Job> unload;
  };

  Napi::Value Version(const Napi::CallbackInfo& info);
  Napi::Value Load(const Napi::CallbackInfo& info);
  Napi::Value Run(const Napi::CallbackInfo& info);
  Napi::Value Prefetch(const Napi::CallbackInfo& info);
  Napi::Value Memory(const Napi::CallbackInfo& info);
  Napi::Value Map(const Napi::CallbackInfo& info);
  Napi::Value Mapped(const Napi::CallbackInfo& info);
  Napi::Value Unmap(const Napi::CallbackInfo& info);
  Napi::Value Unload(const Napi::CallbackInfo& info);
  Napi::Value Cancel(const Napi::CallbackInfo& info);
  Napi::Value CloseFromJs(const Napi::CallbackInfo& info);

  bool StartSlots(size_t count);
  bool ReadTicket(const Napi::CallbackInfo& info, uint32_t* ticket);
  Session* ReadSession(const Napi::CallbackInfo& info, size_t argument, uint32_t* id);
  /** Null when the value is no living file's number. */
  std::shared_ptr<MappedFile> FindFile(const Napi::Value& value) const;
  Napi::Value Submit(Slot* slot, Pending pending);
  void Settle(Napi::Env env, uint32_t ticket);
  static void Conclude(Napi::Env env, const Pending& pending);
  void RunEnded(uint32_t session);
  void ReleaseWhenIdle(uint32_t session);
  void RenewCleanupHook();
  void Close();

  static void OnJobDone(napi_env env, napi_value, void* engine, void* ticket);
  static void OnEnvironmentEnd(void* engine);

  std::shared_ptr<OrtRuntime> runtime_;
  /** Before the threads, which write to it. */
  std::unique_ptr<FlightRecord> record_;
  std::vector<std::unique_ptr<Slot>> slots_;
  /** Opens and frees models, which takes long: no run waits behind it. */
  std::unique_ptr<Slot> loader_;
  /** Reads weights in ahead of runs, and so waits for no load either. */
  std::unique_ptr<Slot> reader_;
  std::unordered_map<uint32_t, Pending> pending_;
  std::unordered_map<uint32_t, Session> sessions_;
  uint32_t last_session_ = 0;
  std::unordered_map<uint32_t, std::shared_ptr<MappedFile>> files_;
  uint32_t last_file_ = 0;
  napi_threadsafe_function settle_ = nullptr;
  bool hooked_ = false;
};

}  // namespace sightline
