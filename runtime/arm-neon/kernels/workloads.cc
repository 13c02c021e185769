// A program of the kernels alone, for an emulator that counts instructions:
//   workloads list                        a line each: workload, variant, units a run, unit
//   workloads run WORKLOAD VARIANT TIMES

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/workload.h"

namespace {

void Append(std::vector<sightline::Workload>* all, const std::vector<sightline::Workload>& some) {
  all->insert(all->end(), some.begin(), some.end());
}

std::vector<sightline::Workload> All() {
  std::vector<sightline::Workload> all;
#define KERNEL(name) Append(&all, sightline::name##Workloads());
#include "kernels/all.inc"
#undef KERNEL
  return all;
}

int List() {
  for (const sightline::Workload& workload : All()) {
    for (const sightline::Workload::Run& run : workload.runs) {
      std::printf("%s %s %zu %s\n", workload.name.c_str(), run.variant, workload.units, workload.unit);
    }
  }
  return 0;
}

int RunOne(const char* name, const char* variant, long times) {
  for (const sightline::Workload& workload : All()) {
    for (const sightline::Workload::Run& run : workload.runs) {
      if (workload.name != name || std::strcmp(run.variant, variant) != 0) continue;
      for (long i = 0; i < times; i++) run.once();
      return 0;
    }
  }
  std::fprintf(stderr, "workloads: there is no %s %s\n", name, variant);
  return 2;
}

}  // namespace

int main(int count, char** words) {
  if (count == 2 && std::strcmp(words[1], "list") == 0) return List();
  if (count == 5 && std::strcmp(words[1], "run") == 0) {
    return RunOne(words[2], words[3], std::strtol(words[4], nullptr, 10));
  }
  std::fprintf(stderr, "workloads list | run WORKLOAD VARIANT TIMES\n");
  return 2;
}
