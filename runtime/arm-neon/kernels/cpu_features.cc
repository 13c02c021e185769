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

Features ProbeFeatures() {
  // Bits: Intel SDM volume 2A, CPUID leaves 1 and 7.
  const Registers one = CpuId(1, 0), seven = CpuId(7, 0), seven_one = CpuId(7, 1);
  const unsigned long long saved = (one.c & kOsXsave) != 0 ? SavedState() : 0;
  const auto has = [&](unsigned value, int bit, unsigned long long state, Feature feature) {
    return (value >> bit & 1) != 0 && (saved & state) == state ? Features{feature} : 0;
  };
  return has(one.c, 9, 0, kSsse3) | has(one.c, 19, 0, kSse41) | has(one.c, 28, kYmm, kAvx) |
         has(one.c, 12, kYmm, kFma) | has(one.c, 29, kYmm, kF16c) | has(seven.b, 5, kYmm, kAvx2) |
         has(seven_one.a, 4, kYmm, kAvxVnni) | has(seven.b, 16, kZmm, kAvx512f) |
         has(seven.b, 30, kZmm, kAvx512bw) | has(seven.c, 11, kZmm, kAvx512Vnni) |
         has(seven_one.a, 5, kZmm, kAvx512Bf16) | has(seven.d, 24, kTiles, kAmxTile) |
         has(seven.d, 25, kTiles, kAmxInt8) | has(seven.d, 22, kTiles, kAmxBf16);
}

#elif defined(__aarch64__)

Features ProbeFeatures() {
  // Bits: Linux, Documentation/arch/arm64/elf_hwcaps.rst and its uapi header.
  struct Bit {
    unsigned long type;
    int bit;
    Feature feature;
  };
  static constexpr Bit kBits[] = {{AT_HWCAP, 1, kAsimd},    {AT_HWCAP, 9, kFphp}, {AT_HWCAP, 10, kAsimdhp},
                                  {AT_HWCAP, 20, kAsimddp}, {AT_HWCAP, 22, kSve}, {AT_HWCAP2, 13, kI8mm},
                                  {AT_HWCAP2, 14, kBf16}};
  Features features = 0;
  for (const Bit& bit : kBits) {
    if (getauxval(bit.type) >> bit.bit & 1) features |= bit.feature;
  }
  return features;
}

#else

Features ProbeFeatures() {
  return 0;
}

#endif

}  // namespace sightline
