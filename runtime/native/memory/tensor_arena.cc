#include "memory/tensor_arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>

namespace sightline {
namespace {

constexpr size_t kAlignment = 64;
/** Smaller blocks are the C library's: it has them at hand, and they leave no page unused. */
constexpr size_t kLargeBytes = 64 * 1024;
/** A free block may be used for one that is so much smaller. */
constexpr size_t kWasteShare = 4;
/** What may be held beyond a quarter more than was ever in use at once. */
constexpr int64_t kSlackBytes = 1024 * 1024;

/** Stands before each block. */
struct alignas(kAlignment) Header {
  MemoryAccount* account;
  size_t bytes;
  /** Of the mapping; 0 for a block of the C library's. */
  size_t held;
  bool is_weight;
};
static_assert(sizeof(Header) == kAlignment);

struct Arena {
  std::mutex mutex;
  /** By size. */
  std::multimap<size_t, Header*> free;
  int64_t weights = 0;
  int64_t activations = 0;
  int64_t activations_peak = 0;
  int64_t live_peak = 0;
  int64_t held = 0;
};

Arena& TheArena() {
  // Never destroyed: outputs that JavaScript holds are freed after exit handlers began to run.
  static Arena* const arena = new Arena;
  return *arena;
}

struct Current {
  MemoryAccount* account = nullptr;
  bool loading = false;
};
thread_local Current current;

size_t WholePages(size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

void Unmap(Arena* arena, std::multimap<size_t, Header*>::iterator at) {
  arena->held -= static_cast<int64_t>(at->first);
  munmap(at->second, at->first);
  arena->free.erase(at);
}

/** The smallest free block that is large enough without wasting much; null when there is none. */
Header* TakeFree(Arena* arena, size_t bytes) {
  const auto found = arena->free.lower_bound(bytes);
  if (found == arena->free.end() || found->first > bytes + bytes / kWasteShare) return nullptr;
  Header* header = found->second;
  arena->free.erase(found);
  return header;
}

Header* Map(Arena* arena, size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  arena->held += static_cast<int64_t>(bytes);
  return static_cast<Header*>(data);
}

/** Models whose blocks have other sizes would each keep theirs: the smallest go first, they are got back
 * soonest. */
void KeepWithin(Arena* arena, int64_t limit) {
  while (arena->held > limit && !arena->free.empty()) Unmap(arena, arena->free.begin());
}

Header* TakeLarge(Arena* arena, size_t bytes) {
  const size_t held = WholePages(bytes);
  Header* header = TakeFree(arena, held);
  if (header != nullptr) return header;
  header = Map(arena, held);
  if (header == nullptr) return nullptr;
  header->held = held;
  KeepWithin(arena, arena->live_peak + arena->live_peak / 4 + kSlackBytes);
  return header;
}

Header* TakeSmall(Arena* arena, size_t bytes) {
  const size_t held = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  auto* header = static_cast<Header*>(std::aligned_alloc(kAlignment, held));
  if (header == nullptr) return nullptr;
  header->held = 0;
  arena->held += static_cast<int64_t>(bytes);
  return header;
}

void Count(Arena* arena, const Header& header, int64_t sign) {
  const int64_t bytes = sign * static_cast<int64_t>(header.bytes);
  (header.is_weight ? arena->weights : arena->activations) += bytes;
  arena->activations_peak = std::max(arena->activations_peak, arena->activations);
  arena->live_peak = std::max(arena->live_peak, arena->weights + arena->activations);
  if (header.account != nullptr) header.account->Add(bytes);
}

}  // namespace

void MemoryAccount::Add(int64_t bytes) {
  const int64_t now = live_ += bytes;
  int64_t peak = peak_;
  while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
  }
}

void MemoryAccount::Release() {
  if (--shares_ == 0) delete this;
}

AccountScope::AccountScope(MemoryAccount* account, bool loading) {
  current = {account, loading};
}

AccountScope::~AccountScope() {
  current = {};
}

void* ArenaAllocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  const size_t total = bytes + sizeof(Header);
  Arena& arena = TheArena();
  std::lock_guard<std::mutex> lock(arena.mutex);
  Header* header = total >= kLargeBytes ? TakeLarge(&arena, total) : TakeSmall(&arena, total);
  if (header == nullptr) return nullptr;
  header->account = current.account;
  header->bytes = bytes;
  header->is_weight = current.loading;
  if (header->account != nullptr) header->account->Share();
  Count(&arena, *header, 1);
  return header + 1;
}

void ArenaFree(void* block) {
  if (block == nullptr) return;
  Header* header = static_cast<Header*>(block) - 1;
  MemoryAccount* account = header->account;
  {
    Arena& arena = TheArena();
    std::lock_guard<std::mutex> lock(arena.mutex);
    Count(&arena, *header, -1);
    if (header->held != 0) {
      arena.free.emplace(header->held, header);
    } else {
      arena.held -= static_cast<int64_t>(header->bytes + sizeof(Header));
      std::free(header);
    }
  }
  if (account != nullptr) account->Release();
}

void ArenaTrim() {
  Arena& arena = TheArena();
  std::lock_guard<std::mutex> lock(arena.mutex);
  KeepWithin(&arena, 0);
  arena.live_peak = arena.weights + arena.activations;
}

ArenaUse ArenaUseNow() {
  Arena& arena = TheArena();
  std::lock_guard<std::mutex> lock(arena.mutex);
  return {arena.weights, arena.activations, arena.activations_peak, arena.held};
}

}  // namespace sightline
