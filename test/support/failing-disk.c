// A disk that fails: reads of files below $EIO_FOLDER give EIO while the file $EIO_SWITCH exists (LD_PRELOAD).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int fd) {
  const char* folder = getenv("EIO_FOLDER");
  const char* on = getenv("EIO_SWITCH");
  if (!folder || !on || access(on, F_OK) != 0) return 0;
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

#define FAILING(name, params, args)                                 \
  ssize_t name params {                                             \
    if (fails(fd)) return errno = EIO, -1;                          \
    ssize_t(*real) params = (ssize_t(*) params)dlsym(RTLD_NEXT, #name); \
    return real args;                                               \
  }

FAILING(read, (int fd, void* to, size_t bytes), (fd, to, bytes))
FAILING(pread, (int fd, void* to, size_t bytes, off_t at), (fd, to, bytes, at))
FAILING(pread64, (int fd, void* to, size_t bytes, off64_t at), (fd, to, bytes, at))
FAILING(readv, (int fd, const struct iovec* to, int count), (fd, to, count))
FAILING(preadv, (int fd, const struct iovec* to, int count, off_t at), (fd, to, count, at))
FAILING(preadv64, (int fd, const struct iovec* to, int count, off64_t at), (fd, to, count, at))
