#pragma once

#include <memory>
#include <string>

#include "arguments.h"
#include "engine/ort_api.h"

namespace sightline {

/** Frees an object of ONNX Runtime through the table's function for its type. */
template <typename T>
struct OrtRelease {
  const OrtApi* api = nullptr;
  void operator()(T* object) const;
};
template <typename T>
using OrtPtr = std::unique_ptr<T, OrtRelease<T>>;

/** The opened library and its environment, shared by all that was made from it. */
class OrtRuntime {
 public:
  /** Opens the library at `path` and checks its version; null and ERR_ORT_LIBRARY when it will not do. */
  static std::shared_ptr<OrtRuntime> Open(const std::string& path, Failure* failure);

  ~OrtRuntime();
  OrtRuntime(const OrtRuntime&) = delete;
  OrtRuntime& operator=(const OrtRuntime&) = delete;

  const OrtApi api;
  const std::string version;
  /** Whether loads under way can be ended. */
  const bool cancels_loads;
  const OrtEnv* env() const { return env_; }
  const OrtMemoryInfo* cpu() const { return cpu_; }
  OrtAllocator* allocator() const { return allocator_; }

  /** Takes the status over; true on success, else fills `failure` with `code` and the library's message. */
  bool Succeeded(OrtStatus* status, const char* code, Failure* failure) const;

  template <typename T>
  OrtPtr<T> Own(T* object) const {
    return OrtPtr<T>(object, {&api});
  }

 private:
  OrtRuntime(const void* table, const char* version_text, bool cancels)
      : api(table), version(version_text), cancels_loads(cancels) {}
  bool Start(Failure* failure);

  OrtEnv* env_ = nullptr;
  OrtMemoryInfo* cpu_ = nullptr;
  OrtAllocator* allocator_ = nullptr;
};

}  // namespace sightline
