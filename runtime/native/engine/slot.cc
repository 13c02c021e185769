#include "engine/slot.h"

#include <pthread.h>

#include <algorithm>
#include <string>

namespace sightline {

Slot::Slot(const std::string& name, std::function<void(uint32_t)> done, FlightEntry* entry)
    : done_(std::move(done)), entry_(entry), thread_([this] { Work(); }) {
  pthread_setname_np(thread_.native_handle(), ("sightline-" + name).c_str());
}

void Slot::Push(std::shared_ptr<Job> job) {
  std::lock_guard<std::mutex> lock(mutex_);
  waiting_.push_back(std::move(job));
  changed_.notify_one();
}

bool Slot::Remove(const Job& job) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const auto& candidate) { return candidate.get() == &job; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void Slot::Stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  waiting_.clear();
  changed_.notify_one();
}

void Slot::Join() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

void Slot::Work() {
  FlyAs(entry_);
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    std::shared_ptr<Job> job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job->Execute();
    const uint32_t ticket = job->ticket;
    // Let go before saying so: whoever hears of the end may count on being the last owner.
    job.reset();
    done_(ticket);
    lock.lock();
  }
}

}  // namespace sightline
