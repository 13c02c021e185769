#include "engine/flight_record.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "memory/fault_handlers.h"

namespace sightline {
namespace {

thread_local FlightEntry* own = nullptr;

}  // namespace

std::unique_ptr<FlightRecord> FlightRecord::Open(const std::string& path, size_t threads, Failure* failure) {
  const size_t bytes = threads * sizeof(FlightEntry);
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  void* data = MAP_FAILED;
  if (file >= 0 && ftruncate(file, static_cast<off_t>(bytes)) == 0) {
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  const int error = errno;
  if (file >= 0) close(file);
  if (data == MAP_FAILED) {
    *failure = {"ERR_ADDON_ARGUMENT", "flight record " + path + ": " + std::strerror(error)};
    return nullptr;
  }
  InstallFaultHandlers();
  return std::unique_ptr<FlightRecord>(new FlightRecord(static_cast<FlightEntry*>(data), bytes));
}

FlightRecord::~FlightRecord() {
  munmap(entries_, bytes_);
}

void FlyAs(FlightEntry* entry) {
  own = entry;
  NoteFaultsIn(entry == nullptr ? nullptr : &entry->signal);
}

Flight::Flight(FlightState state, const std::string& label) {
  if (own == nullptr) return;
  const size_t length = std::min(label.size(), sizeof(own->label) - 1);
  std::memcpy(own->label, label.data(), length);
  own->label[length] = '\0';
  own->state.store(state);
}

Flight::~Flight() {
  if (own != nullptr) own->state.store(kIdle);
}

}  // namespace sightline
