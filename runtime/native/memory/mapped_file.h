#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "arguments.h"

namespace sightline {

/** A part of a file, in bytes. */
struct Span {
  size_t offset;
  size_t bytes;
};

/** A file of weights in this process's address space, read-only; its pages are the system's to take back. */
class MappedFile {
 public:
  /** Null and ERR_MODEL_MISSING when it cannot be opened, is empty or no regular file. */
  static std::shared_ptr<MappedFile> Open(const std::string& path, Failure* failure);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }
  size_t bytes() const { return bytes_; }

  /** False once it was cut short, written to or unreadable; not sensitive to its name. */
  bool Intact() const;
  /** Of its pages, those that are in this process's memory. */
  size_t ResidentBytes() const;
  /** Reads the span's pages in. */
  void Prefetch(Span span) const;
  /** Lets the span's pages go, and those that it shares with its neighbours: they are clean, and read again.
   */
  void LetGo(Span span) const;

 private:
  MappedFile(int file, const struct statx& status, char* data)
      : file_(file), status_(status), data_(data), bytes_(status.stx_size) {}
  int Advise(Span span, int advice) const;

  const int file_;
  const struct statx status_;
  char* const data_;
  const size_t bytes_;
  std::atomic<bool> damaged_{false};
};

}  // namespace sightline
