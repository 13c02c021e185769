#pragma once

#include <cstdint>

namespace sightline {

/** What a CPU (and the kernel under it) can do, of what matters to inference. An or of bits. */
using Features = uint32_t;

enum Feature : Features {
  kSsse3 = 1u << 0,
  kSse41 = 1u << 1,
  kAvx = 1u << 2,
  kFma = 1u << 3,
  kF16c = 1u << 4,
  kAvx2 = 1u << 5,
  kAvxVnni = 1u << 6,
  kAvx512f = 1u << 7,
  kAvx512bw = 1u << 8,
  kAvx512Vnni = 1u << 9,
  kAvx512Bf16 = 1u << 10,
  kAmxTile = 1u << 11,
  kAmxInt8 = 1u << 12,
  kAmxBf16 = 1u << 13,
  kAsimd = 1u << 16,
  kFphp = 1u << 17,
  kAsimdhp = 1u << 18,
  kAsimddp = 1u << 19,
  kSve = 1u << 20,
  kI8mm = 1u << 21,
  kBf16 = 1u << 22,
};

struct FeatureName {
  Feature feature;
  /** As in Linux's /proc/cpuinfo. */
  const char* name;
};

constexpr FeatureName kFeatureNames[] = {
    {kSsse3, "ssse3"},
    {kSse41, "sse4_1"},
    {kAvx, "avx"},
    {kFma, "fma"},
    {kF16c, "f16c"},
    {kAvx2, "avx2"},
    {kAvxVnni, "avx_vnni"},
    {kAvx512f, "avx512f"},
    {kAvx512bw, "avx512bw"},
    {kAvx512Vnni, "avx512_vnni"},
    {kAvx512Bf16, "avx512_bf16"},
    {kAmxTile, "amx_tile"},
    {kAmxInt8, "amx_int8"},
    {kAmxBf16, "amx_bf16"},
    {kAsimd, "asimd"},
    {kFphp, "fphp"},
    {kAsimdhp, "asimdhp"},
    {kAsimddp, "asimddp"},
    {kSve, "sve"},
    {kI8mm, "i8mm"},
    {kBf16, "bf16"},
};

/** Asks this CPU. */
Features ProbeFeatures();

}  // namespace sightline
