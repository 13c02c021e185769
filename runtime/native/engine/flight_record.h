#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "arguments.h"

namespace sightline {

/** What a thread of the engine was doing, as runtime/session/flight-record.ts reads it: 128 bytes. */
struct FlightEntry {
  /** 0 nothing, 1 opening a model, 2 running one. */
  std::atomic<uint32_t> state;
  /** The signal that the thread faulted with; 0 while it lives. */
  std::atomic<uint32_t> signal;
  char label[120];
};
static_assert(sizeof(FlightEntry) == 128);

/** A file that outlives the process, in which each thread says what it is about to do. */
class FlightRecord {
 public:
  /** Begins a new record over whatever stood there; null and ERR_ADDON_ARGUMENT when it cannot be written. */
  static std::unique_ptr<FlightRecord> Open(const std::string& path, size_t threads, Failure* failure);

  ~FlightRecord();
  FlightRecord(const FlightRecord&) = delete;
  FlightRecord& operator=(const FlightRecord&) = delete;

  FlightEntry* entry(size_t thread) const { return entries_ + thread; }

 private:
  FlightRecord(FlightEntry* entries, size_t bytes) : entries_(entries), bytes_(bytes) {}

  FlightEntry* const entries_;
  const size_t bytes_;
};

/** From now on this thread is the entry's; null ends that. */
void FlyAs(FlightEntry* entry);

enum FlightState : uint32_t { kIdle = 0, kOpening = 1, kRunning = 2 };

/** Says what this thread does while it exists. */
class Flight {
 public:
  Flight(FlightState state, const std::string& label);
  ~Flight();
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
};

}  // namespace sightline
