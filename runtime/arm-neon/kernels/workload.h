#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/variant.h"

namespace sightline {

/** A kernel at work on made-up data, so that the instructions of each variant can be counted. */
struct Workload {
  struct Run {
    const char* variant;
    std::function<void()> once;
  };
  /** `kernel/what`. */
  std::string name;
  /** What it gets done each time, e.g. 409600 of "pixel". */
  size_t units;
  const char* unit;
  std::vector<Run> runs;
};

/** A run for each variant of the list, asked of no CPU: a wrong one must be seen to fail. */
template <typename Ops, size_t kCount>
Workload MakeWorkload(std::string name, size_t units, const char* unit, const Variant<Ops> (&list)[kCount],
                      std::function<void(const Ops&)> once) {
  Workload workload{std::move(name), units, unit, {}};
  for (const Variant<Ops>& variant : list) {
    workload.runs.push_back({variant.name, [once, ops = variant.ops] { once(*ops); }});
  }
  return workload;
}

#define KERNEL(name) std::vector<Workload> name##Workloads();
#include "kernels/all.inc"
#undef KERNEL

}  // namespace sightline
