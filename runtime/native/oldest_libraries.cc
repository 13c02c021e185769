#include <cstdlib>

// What headers of newer libraries refer to and older libraries do not have; see oldest_libraries.h.

#if defined(__aarch64__)

/** glibc 2.32: lets reference counts skip atomics. No is always a right answer. */
extern "C" const char __libc_single_threaded = 0;

namespace std {
/** libstdc++ of GCC 11: what the addon is built without, exceptions, would carry. */
[[noreturn]] void __throw_bad_array_new_length() {
  abort();
}
}  // namespace std

#endif
