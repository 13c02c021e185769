#include "kernels/workload.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "kernels/distances/distances.h"

namespace sightline {
namespace {

/** Patches of a frame against a bank of them; few, since an emulator runs this. */
template <typename Element>
struct Job {
  std::vector<Element> queries, bank;
  std::vector<uint32_t> indices;
  std::vector<float> distances;
  DistancesParams<Element> params{};
};

template <typename Element>
std::vector<Element> MakeVectors(size_t count, uint32_t seed) {
  std::vector<Element> vectors(count);
  for (Element& value : vectors) {
    seed = seed * 1664525 + 1013904223;
    value = static_cast<Element>(static_cast<int>(seed >> 25) - 64);
  }
  return vectors;
}

template <typename Element>
Workload Of(const char* name, Metric metric) {
  constexpr size_t kSize = 384, kQueries = 64, kBank = 512, kNearest = 3;
  auto job = std::make_shared<Job<Element>>();
  job->queries = MakeVectors<Element>(kQueries * kSize, 1);
  job->bank = MakeVectors<Element>(kBank * kSize, 2);
  job->indices.resize(kQueries * kNearest);
  job->distances.resize(kQueries * kNearest);
  job->params = {metric,
                 kSize,
                 kNearest,
                 1,
                 job->queries.data(),
                 kQueries,
                 job->bank.data(),
                 kBank,
                 job->indices.data(),
                 job->distances.data()};
  return MakeWorkload<DistancesOps>(std::string("distances/") + name, kQueries * kBank, "pair",
                                    kDistancesVariants,
                                    [job](const DistancesOps& ops) { Distances(job->params, ops); });
}

/** Without neon_dotprod, whose loops over floats are those of neon. */
Workload OfFloats(const char* name, Metric metric) {
  Workload workload = Of<float>(name, metric);
  const auto is_double = [](const Workload::Run& run) {
    return std::strcmp(run.variant, "neon_dotprod") == 0;
  };
  workload.runs.erase(std::remove_if(workload.runs.begin(), workload.runs.end(), is_double),
                      workload.runs.end());
  return workload;
}

}  // namespace

std::vector<Workload> DistancesWorkloads() {
  return {
      OfFloats("float32-l2-384", Metric::kSquaredL2),
      OfFloats("float32-cosine-384", Metric::kCosine),
      Of<int8_t>("int8-l2-384", Metric::kSquaredL2),
  };
}

}  // namespace sightline
