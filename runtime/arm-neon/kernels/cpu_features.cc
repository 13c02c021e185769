#include "kernels/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace sightline {

#if defined(__x86_64__)
namespace {

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers CpuId(unsigned leaf, unsigned sub_leaf) {
  Registers r;
  __get_cpuid_count(leaf, sub_leaf, &r.a, &r.b, &r.c, &r.d);
  return r;
}

/** Which register files the operating system saves; a feature without it must not be used. */
__attribute__((target("xsave"))) unsigned long long SavedState() {
  return _xgetbv(0);
}

constexpr unsigned kOsXsave = 1u << 27;
constexpr unsigned long long kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;

}  // namespace

std::vector<const char*> CpuFeatures() {
  // Bits: Intel SDM volume 2A, CPUID leaves 1 and 7.
  const Registers one = CpuId(1, 0), seven = CpuId(7, 0), seven_one = CpuId(7, 1);
  const unsigned long long saved = (one.c & kOsXsave) != 0 ? SavedState() : 0;
  const auto has = [&](unsigned value, int bit, unsigned long long state) {
    return (value >> bit & 1) != 0 && (saved & state) == state;
  };
  std::vector<const char*> names;
  const auto add = [&](bool present, const char* name) {
    if (present) names.push_back(name);
  };
  add(has(one.c, 9, 0), "ssse3");
  add(has(one.c, 19, 0), "sse4_1");
  add(has(one.c, 28, kYmm), "avx");
  add(has(one.c, 12, kYmm), "fma");
  add(has(one.c, 29, kYmm), "f16c");
  add(has(seven.b, 5, kYmm), "avx2");
  add(has(seven_one.a, 4, kYmm), "avx_vnni");
  add(has(seven.b, 16, kZmm), "avx512f");
  add(has(seven.b, 30, kZmm), "avx512bw");
  add(has(seven.c, 11, kZmm), "avx512_vnni");
  add(has(seven_one.a, 5, kZmm), "avx512_bf16");
  add(has(seven.d, 24, kTiles), "amx_tile");
  add(has(seven.d, 25, kTiles), "amx_int8");
  add(has(seven.d, 22, kTiles), "amx_bf16");
  return names;
}

#elif defined(__aarch64__)

std::vector<const char*> CpuFeatures() {
  // Bits: Linux, Documentation/arch/arm64/elf_hwcaps.rst and its uapi header.
  struct Bit {
    unsigned long type;
    int bit;
    const char* name;
  };
  static constexpr Bit kBits[] = {{AT_HWCAP, 1, "asimd"},    {AT_HWCAP, 9, "fphp"}, {AT_HWCAP, 10, "asimdhp"},
                                  {AT_HWCAP, 20, "asimddp"}, {AT_HWCAP, 22, "sve"}, {AT_HWCAP2, 13, "i8mm"},
                                  {AT_HWCAP2, 14, "bf16"}};
  std::vector<const char*> names;
  for (const Bit& bit : kBits) {
    if (getauxval(bit.type) >> bit.bit & 1) names.push_back(bit.name);
  }
  return names;
}

#else

std::vector<const char*> CpuFeatures() {
  return {};
}

#endif

}  // namespace sightline
