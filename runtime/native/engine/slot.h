#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "engine/flight_record.h"
#include "engine/job.h"

namespace sightline {

/** One native thread that works through its jobs in order. */
class Slot {
 public:
  /** `done` is called with the ticket of each job, on the slot's thread; `entry` is its flight record, or
   * null. */
  Slot(const std::string& name, std::function<void(uint32_t)> done, FlightEntry* entry);
  ~Slot() { Join(); }

  void Push(std::shared_ptr<Job> job);
  /** Takes a job that has not begun out of the queue; false when it has begun, or is not here. */
  bool Remove(const Job& job);
  /** The thread ends after its present job; what waits is dropped. */
  void Stop();
  void Join();

 private:
  void Work();

  const std::function<void(uint32_t)> done_;
  FlightEntry* const entry_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> waiting_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace sightline
