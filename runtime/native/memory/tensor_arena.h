#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sightline {

/** What one session has of the arena's memory. Lives until it is released and the last of its blocks is
 * freed. */
class MemoryAccount {
 public:
  void Add(int64_t bytes);
  void Share() { shares_++; }
  void Release();

  int64_t live() const { return live_; }
  int64_t peak() const { return peak_; }
  /** From here on the peak counts anew. */
  void ResetPeak() { peak_ = live_.load(); }

 private:
  ~MemoryAccount() = default;
  std::atomic<int64_t> live_{0};
  std::atomic<int64_t> peak_{0};
  std::atomic<int> shares_{1};
};

/** Blocks that this thread takes while it exists are the account's: of a session that is being loaded, or
 * runs. */
class AccountScope {
 public:
  AccountScope(MemoryAccount* account, bool loading);
  ~AccountScope();
  AccountScope(const AccountScope&) = delete;
  AccountScope& operator=(const AccountScope&) = delete;
};

struct ArenaUse {
  /** Taken while sessions were loaded: packed weights, and tensors that are not mapped. */
  int64_t weights;
  /** Taken by runs: tensors between layers, and outputs. */
  int64_t activations;
  int64_t activations_peak;
  /** Taken from the system, in use or not. */
  int64_t held;
};

/**
 * The memory of all tensors that sessions make, 64-byte aligned. What one run has given back another one
 * takes, whatever session it is of, and what nobody needs goes back to the system.
 */
void* ArenaAllocate(size_t bytes);
void ArenaFree(void* block);
/** Gives all that is free back to the system. */
void ArenaTrim();
ArenaUse ArenaUseNow();

}  // namespace sightline
