#include "memory/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "memory/fault_handlers.h"

namespace sightline {
namespace {

constexpr const char* kMissing = "ERR_MODEL_MISSING";
/** Linux 5.14; older headers do not know it. */
constexpr int kPopulateRead = 22;

size_t PageBytes() {
  return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

bool SameTime(const struct statx_timestamp& a, const struct statx_timestamp& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/** Boards' C libraries have no `fstat` of that name. */
bool Look(int file, struct statx* status) {
  return statx(file, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE | STATX_MTIME, status) == 0;
}

std::string Reason(const std::string& path) {
  return path + ": " + std::strerror(errno);
}

}  // namespace

std::shared_ptr<MappedFile> MappedFile::Open(const std::string& path, Failure* failure) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return *failure = {kMissing, Reason(path)}, nullptr;
  struct statx status = {};
  void* data = MAP_FAILED;
  if (Look(file, &status) && S_ISREG(status.stx_mode) && status.stx_size > 0) {
    data = mmap(nullptr, status.stx_size, PROT_READ, MAP_PRIVATE, file, 0);
  }
  if (data == MAP_FAILED) {
    *failure = {kMissing, S_ISREG(status.stx_mode) ? Reason(path) : path + " is not a regular file"};
    close(file);
    return nullptr;
  }
  std::shared_ptr<MappedFile> mapped(new MappedFile(file, status, static_cast<char*>(data)));
  if (RegisterMapping(mapped->data_, mapped->bytes_, &mapped->damaged_)) return mapped;
  *failure = {"ERR_MODEL_LOAD", path + ": too many files of weights are mapped"};
  return nullptr;
}

MappedFile::~MappedFile() {
  ForgetMapping(data_);
  munmap(data_, bytes_);
  close(file_);
}

bool MappedFile::Intact() const {
  struct statx now = {};
  return !damaged_ && Look(file_, &now) && now.stx_size == status_.stx_size &&
         SameTime(now.stx_mtime, status_.stx_mtime);
}

size_t MappedFile::ResidentBytes() const {
  const size_t page = PageBytes();
  const int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (map < 0) return 0;
  std::vector<uint64_t> entries(8192);
  const size_t pages = (bytes_ + page - 1) / page;
  const size_t first = reinterpret_cast<uintptr_t>(data_) / page;
  size_t resident = 0;
  for (size_t at = 0; at < pages;) {
    const size_t wanted = std::min(entries.size(), pages - at) * sizeof(uint64_t);
    const ssize_t got =
        pread(map, entries.data(), wanted, static_cast<off_t>((first + at) * sizeof(uint64_t)));
    if (got <= 0) break;
    const size_t count = static_cast<size_t>(got) / sizeof(uint64_t);
    for (size_t i = 0; i < count; i++) resident += entries[i] >> 63;
    at += count;
  }
  close(map);
  return std::min(resident * page, bytes_);
}

void MappedFile::Prefetch(Span span) const {
  if (Advise(span, kPopulateRead) != 0 && errno == EINVAL) Advise(span, MADV_WILLNEED);
}

void MappedFile::LetGo(Span span) const {
  Advise(span, MADV_DONTNEED);
}

int MappedFile::Advise(Span span, int advice) const {
  const size_t page = PageBytes();
  const size_t begin = span.offset / page * page;
  const size_t end =
      std::min((span.offset + span.bytes + page - 1) / page * page, (bytes_ + page - 1) / page * page);
  return madvise(data_ + begin, end - begin, advice);
}

}  // namespace sightline
