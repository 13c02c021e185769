#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sightline {

/**
 * Reading a mapped file that was cut short, or whose disk fails, raises SIGBUS in whoever reads it. Within a
 * range that was registered the rest reads as zeros instead, and `damaged` says so.
 */
bool RegisterMapping(const void* begin, size_t bytes, std::atomic<bool>* damaged);
void ForgetMapping(const void* begin);

/**
 * What a thread sets so that a fault of its own is noted there before the process ends: the signal's number.
 * Null: faults of this thread are nobody's.
 */
void NoteFaultsIn(std::atomic<uint32_t>* signal);

/**
 * Once for the process. What was installed before is still called, and may mend a fault; a signal that was sent ends the
 * process all the same.
 */
void InstallFaultHandlers();

}  // namespace sightline
