#include "kernels/workload.h"

#include <memory>

#include "kernels/argmax/argmax.h"

namespace sightline {
namespace {

constexpr size_t kClasses = 8, kPixels = 160 * 160;

template <typename T>
Workload Of(const char* name, ValueType type) {
  const auto logits = std::make_shared<std::vector<T>>(kClasses * kPixels);
  for (size_t i = 0; i < logits->size(); i++) (*logits)[i] = static_cast<T>(i * i % 113);
  const auto class_map = std::make_shared<std::vector<uint8_t>>(kPixels);
  return MakeWorkload<ArgmaxOps>(name, kPixels, "pixel", kArgmaxVariants, [=](const ArgmaxOps& ops) {
    FillClassMap({{type, logits->data(), logits->size(), {}}, kClasses, kPixels, class_map->data()}, ops);
  });
}

}  // namespace

std::vector<Workload> ArgmaxWorkloads() {
  return {
      Of<float>("argmax/8x160x160-f32", ValueType::kFloat32),
      Of<int8_t>("argmax/8x160x160-i8", ValueType::kInt8),
  };
}

}  // namespace sightline
