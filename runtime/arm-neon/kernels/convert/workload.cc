#include "kernels/workload.h"

#include <memory>

#include "kernels/convert/convert.h"

namespace sightline {
namespace {

constexpr size_t kElements = 3 * 224 * 224;

/** A tensor as a model takes it. */
struct Job {
  std::vector<float> values = std::vector<float>(kElements);
  std::vector<uint16_t> halves = std::vector<uint16_t>(kElements);
  std::vector<uint8_t> steps = std::vector<uint8_t>(kElements);
  ChannelQuantization tensor{{0.01f}, {-3}, 1, true};
  ChannelQuantization planes{{0.01f, 0.02f, 0.015f}, {100, 128, 140}, 224 * 224, false};
};

using Work = void (*)(const ConvertOps&, Job*);

Workload Of(const char* name, const std::shared_ptr<Job>& job, Work work) {
  return MakeWorkload<ConvertOps>(std::string("convert/") + name, kElements, "element", kConvertVariants,
                                  [job, work](const ConvertOps& ops) { work(ops, job.get()); });
}

}  // namespace

std::vector<Workload> ConvertWorkloads() {
  auto job = std::make_shared<Job>();
  for (size_t i = 0; i < kElements; i++) {
    job->values[i] = static_cast<float>(i % 509) / 100 - 2;
    job->halves[i] = static_cast<uint16_t>(i);
    job->steps[i] = static_cast<uint8_t>(i * 7);
  }
  return {
      Of("to-float16", job,
         [](const ConvertOps& ops, Job* j) {
           ops.to_float16(j->values.data(), kElements, j->halves.data());
         }),
      Of("to-float32", job,
         [](const ConvertOps& ops, Job* j) {
           ops.to_float32(j->halves.data(), kElements, j->values.data());
         }),
      Of("quantize-tensor", job,
         [](const ConvertOps& ops, Job* j) {
           Quantize(j->values.data(), kElements, j->tensor, ops, j->steps.data());
         }),
      Of("quantize-planes", job,
         [](const ConvertOps& ops, Job* j) {
           Quantize(j->values.data(), kElements, j->planes, ops, j->steps.data());
         }),
      Of("dequantize-tensor", job,
         [](const ConvertOps& ops, Job* j) {
           Dequantize(j->steps.data(), kElements, j->tensor, ops, j->values.data());
         }),
      Of("dequantize-planes", job,
         [](const ConvertOps& ops, Job* j) {
           Dequantize(j->steps.data(), kElements, j->planes, ops, j->values.data());
         }),
  };
}

}  // namespace sightline
