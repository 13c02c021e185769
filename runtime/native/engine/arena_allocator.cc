#include "engine/arena_allocator.h"

#include <functional>
#include <map>
#include <mutex>
#include <new>

#include "memory/tensor_arena.h"

namespace sightline {
namespace {

/** The newest layout of the struct that ort_api.h declares; Reserve is read from 18 on. */
constexpr uint32_t kLayout = 22;

struct ArenaAllocator {
  OrtAllocator base;
  OrtMemoryInfo* info;
};

/** ONNX Runtime does not ask whether it got something: it counts on what `new` does. */
void* Allocate(OrtAllocator*, size_t bytes) {
  void* block = ArenaAllocate(bytes);
  if (block == nullptr) std::__throw_bad_alloc();
  return block;
}

void Free(OrtAllocator*, void* block) {
  ArenaFree(block);
}

const OrtMemoryInfo* Info(const OrtAllocator* allocator) {
  return reinterpret_cast<const ArenaAllocator*>(allocator)->info;
}

/** One for each library, for ever: its environment may outlive whoever registered it. */
OrtAllocator* AllocatorFor(const OrtApi& api, OrtStatus** status) {
  static std::mutex mutex;
  static auto* const allocators = new std::map<const void*, ArenaAllocator>;
  std::lock_guard<std::mutex> lock(mutex);
  const auto found = allocators->find(api.table);
  if (found != allocators->end()) return &found->second.base;
  OrtMemoryInfo* info = nullptr;
  *status = api.CreateCpuMemoryInfo(kOrtDeviceAllocator, kOrtMemoryDefault, &info);
  if (*status != nullptr) return nullptr;
  ArenaAllocator& made = (*allocators)[api.table];
  made = {{kLayout, Allocate, Free, Info, Allocate}, info};
  return &made.base;
}

}  // namespace

bool UseArena(const OrtApi& api, OrtEnv* env, Failure* failure) {
  OrtStatus* status = nullptr;
  OrtAllocator* allocator = AllocatorFor(api, &status);
  if (allocator == nullptr) {
    *failure = {"ERR_ORT_LIBRARY", api.GetErrorMessage(status)};
    api.ReleaseStatus(status);
    return false;
  }
  status = api.RegisterAllocator(env, allocator);
  if (status != nullptr) api.ReleaseStatus(status);
  return true;
}

}  // namespace sightline
