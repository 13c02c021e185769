#include "engine/ort_runtime.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "engine/arena_allocator.h"

namespace sightline {
namespace {

/** The number after `1.` of a version such as `1.30.0`, or -1 when it is written otherwise. */
int MinorVersion(const char* version) {
  int major = 0;
  int minor = 0;
  if (version == nullptr || std::sscanf(version, "%d.%d", &major, &minor) != 2 || major != 1) return -1;
  return minor;
}

const OrtApiBase* OpenBase(const std::string& path, Failure* failure) {
  // From 1.29 on, the released Linux builds send usage data to their maker (microsoft/onnxruntime#27379).
  // This is the only way out that holds before the first event; set over what stands there, for a device has
  // no say in it.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  // Never closed: ONNX Runtime keeps process-wide state that does not survive being unmapped.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void* symbol = library == nullptr ? nullptr : dlsym(library, "OrtGetApiBase");
  if (symbol == nullptr) {
    const char* reason = dlerror();
    *failure = {"ERR_ORT_LIBRARY", path + ": " + (reason == nullptr ? "no OrtGetApiBase" : reason)};
    return nullptr;
  }
  return reinterpret_cast<const OrtApiBase* (*)()>(symbol)();
}

}  // namespace

template <>
void OrtRelease<OrtSession>::operator()(OrtSession* object) const {
  api->ReleaseSession(object);
}
template <>
void OrtRelease<OrtSessionOptions>::operator()(OrtSessionOptions* object) const {
  api->ReleaseSessionOptions(object);
}
template <>
void OrtRelease<OrtRunOptions>::operator()(OrtRunOptions* object) const {
  api->ReleaseRunOptions(object);
}
template <>
void OrtRelease<OrtValue>::operator()(OrtValue* object) const {
  api->ReleaseValue(object);
}
template <>
void OrtRelease<OrtTypeInfo>::operator()(OrtTypeInfo* object) const {
  api->ReleaseTypeInfo(object);
}
template <>
void OrtRelease<OrtTensorInfo>::operator()(OrtTensorInfo* object) const {
  api->ReleaseTensorTypeAndShapeInfo(object);
}

std::shared_ptr<OrtRuntime> OrtRuntime::Open(const std::string& path, Failure* failure) {
  const OrtApiBase* base = OpenBase(path, failure);
  if (base == nullptr) return nullptr;
  const char* version = base->GetVersionString();
  // Asked before the table: an older library prints to stderr when asked for one that it does not have.
  if (MinorVersion(version) < static_cast<int>(kOrtInterface)) {
    *failure = {"ERR_ORT_LIBRARY",
                path + ": version " + (version == nullptr ? "unknown" : version) + " is older than 1.17"};
    return nullptr;
  }
  const bool cancels = MinorVersion(version) >= static_cast<int>(kOrtCancellingInterface);
  const void* table = base->GetApi(cancels ? kOrtCancellingInterface : kOrtInterface);
  if (table == nullptr) {
    *failure = {"ERR_ORT_LIBRARY", path + ": version " + version + " no longer offers interface 17 or 22"};
    return nullptr;
  }
  std::shared_ptr<OrtRuntime> runtime(new OrtRuntime(table, version, cancels));
  return runtime->Start(failure) ? runtime : nullptr;
}

bool OrtRuntime::Start(Failure* failure) {
  // Only fatal messages reach stderr; what goes wrong comes back as a status, and is raised as an error.
  return Succeeded(api.CreateEnv(kOrtLogFatal, "sightline", &env_), "ERR_ORT_LIBRARY", failure) &&
         Succeeded(api.CreateCpuMemoryInfo(kOrtArenaAllocator, kOrtMemoryDefault, &cpu_), "ERR_ORT_LIBRARY",
                   failure) &&
         Succeeded(api.GetAllocatorWithDefaultOptions(&allocator_), "ERR_ORT_LIBRARY", failure) &&
         UseArena(api, env_, failure);
}

OrtRuntime::~OrtRuntime() {
  if (cpu_ != nullptr) api.ReleaseMemoryInfo(cpu_);
  if (env_ != nullptr) api.ReleaseEnv(env_);
}

bool OrtRuntime::Succeeded(OrtStatus* status, const char* code, Failure* failure) const {
  if (status == nullptr) return true;
  const bool missing = api.GetErrorCode(status) == kOrtNoSuchFile;
  *failure = {missing ? "ERR_MODEL_MISSING" : code, api.GetErrorMessage(status)};
  api.ReleaseStatus(status);
  return false;
}

}  // namespace sightline
