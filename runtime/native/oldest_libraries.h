#pragma once

// Included before every source. A binary linked on a new machine wants that machine's C and C++ library; one
// that is to run on every arm64 board must ask for the symbols that old ones have as well: glibc 2.28 and
// libstdc++ of GCC 6.1, which is also what ONNX Runtime's own library needs. deploy/check-elf.ts checks it.

#if defined(__aarch64__)

// dlopen and its like moved from libdl into libc with glibc 2.34, pthread_setname_np from libpthread. Node
// has loaded the older libraries where they are still apart.
__asm__(".symver dlopen, dlopen@GLIBC_2.17");
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
__asm__(".symver dlerror, dlerror@GLIBC_2.17");
__asm__(".symver pthread_setname_np, pthread_setname_np@GLIBC_2.17");

// std::condition_variable::wait: GCC 12 only changed whether it may throw.
__asm__(
    ".symver _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, "
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");

#endif
