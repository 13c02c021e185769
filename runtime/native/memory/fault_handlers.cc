#include "memory/fault_handlers.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>

namespace sightline {
namespace {

/** Read by a signal handler, so neither locked nor moved: a slot is free while its `begin` is 0. */
struct Range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<std::atomic<bool>*> damaged{nullptr};
};

constexpr size_t kMaxRanges = 1024;
constexpr int kFaults[] = {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGBUS};

Range ranges[kMaxRanges];
std::mutex ranges_mutex;
struct sigaction previous[NSIG];
/**
 * Of the initial-exec model, so that a handler finds it at a fixed place: otherwise the first look in a thread allocates
 * it, and the fault may have come in the middle of malloc.
 */
__attribute__((tls_model("initial-exec"))) thread_local std::atomic<uint32_t>* noted_in = nullptr;

/** Whether the address lay in a mapping, and can be read now. */
bool MakeReadable(uintptr_t address) {
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (Range& range : ranges) {
    const uintptr_t begin = range.begin.load(std::memory_order_acquire);
    const uintptr_t end = range.end.load(std::memory_order_relaxed);
    if (begin == 0 || address < begin || address >= end) continue;
    const uintptr_t from = address / page * page;
    void* zeros = mmap(reinterpret_cast<void*>(from), end - from, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) return false;
    range.damaged.load(std::memory_order_relaxed)->store(true);
    return true;
  }
  return false;
}

/**
 * False for a signal that was sent, by kill, tgkill, sigqueue or abort. Such a one carries its sender where a fault
 * carries its address, and there is no instruction that would raise it again.
 */
bool IsFault(const siginfo_t* info) {
  return info->si_code > 0;
}

/** Here and now, not when the handler has returned: until then the signal is blocked. */
[[noreturn]] void EndOf(int signal) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  // On Linux it is this thread's mask; `pthread_sigmask` moved between libraries in glibc 2.32, and boards have older ones.
  sigprocmask(SIG_UNBLOCK, &only, nullptr);
  raise(signal);
  _exit(128 + signal);
}

/** Whoever was there before has the next word, and may have mended the fault when it returns. */
void PassOn(int signal, siginfo_t* info, void* context) {
  const struct sigaction& before = previous[signal];
  if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else {
    EndOf(signal);
  }
}

void OnFault(int signal, siginfo_t* info, void* context) {
  const bool is_fault = IsFault(info);
  if (is_fault && signal == SIGBUS && MakeReadable(reinterpret_cast<uintptr_t>(info->si_addr))) return;
  if (noted_in != nullptr) noted_in->store(static_cast<uint32_t>(signal));
  PassOn(signal, info, context);
  if (!is_fault) EndOf(signal);
}

}  // namespace

bool RegisterMapping(const void* begin, size_t bytes, std::atomic<bool>* damaged) {
  InstallFaultHandlers();
  std::lock_guard<std::mutex> lock(ranges_mutex);
  for (Range& range : ranges) {
    if (range.begin.load() != 0) continue;
    range.damaged.store(damaged);
    range.end.store(reinterpret_cast<uintptr_t>(begin) + bytes);
    range.begin.store(reinterpret_cast<uintptr_t>(begin), std::memory_order_release);
    return true;
  }
  return false;
}

void ForgetMapping(const void* begin) {
  std::lock_guard<std::mutex> lock(ranges_mutex);
  for (Range& range : ranges) {
    if (range.begin.load() == reinterpret_cast<uintptr_t>(begin)) range.begin.store(0);
  }
}

void NoteFaultsIn(std::atomic<uint32_t>* signal) {
  noted_in = signal;
}

void InstallFaultHandlers() {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_sigaction = OnFault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (const int signal : kFaults) sigaction(signal, &action, &previous[signal]);
    return true;
  }();
  (void)installed;
}

}  // namespace sightline
