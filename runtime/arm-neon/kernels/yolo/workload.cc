#include "kernels/workload.h"

#include <memory>

#include "kernels/yolo/yolo.h"

namespace sightline {
namespace {

constexpr size_t kBoxes = 8400, kClasses = 80;

/** An output of YOLOv8 at 640 × 640 for COCO's classes: one box in 83 holds something. */
std::shared_ptr<std::vector<float>> MakeOutput() {
  auto output = std::make_shared<std::vector<float>>((4 + kClasses) * kBoxes, 0.01f);
  for (size_t n = 0; n < kBoxes; n++) {
    const float box[4] = {static_cast<float>(n % 80 * 8), static_cast<float>(n / 80 % 80 * 8), 30, 40};
    for (size_t k = 0; k < 4; k++) (*output)[k * kBoxes + n] = box[k];
    if (n % 83 == 0) (*output)[(4 + n % kClasses) * kBoxes + n] = 0.3f + static_cast<float>(n % 64) / 128;
  }
  return output;
}

}  // namespace

std::vector<Workload> YoloWorkloads() {
  const auto output = MakeOutput();
  const auto work = [output](const YoloOps& ops, const ScoresOps& scores_ops, const NmsOps& nms_ops) {
    const Values values{ValueType::kFloat32, output->data(), output->size(), {}};
    DecodeYolo({values, true, kBoxes, kClasses, {0.25, kMaxCandidates, NmsParams{0.45f, false}}}, scores_ops,
               nms_ops, ops);
  };
  Workload workload{"yolo/8400x80-f32", kBoxes, "box", {}};
  static_assert(std::size(kYoloVariants) == std::size(kScoresVariants));
  static_assert(std::size(kYoloVariants) == std::size(kNmsVariants));
  for (size_t i = 0; i < std::size(kYoloVariants); i++) {
    workload.runs.push_back({kYoloVariants[i].name, [work, i] {
                               work(*kYoloVariants[i].ops, *kScoresVariants[i].ops, *kNmsVariants[i].ops);
                             }});
  }
  return {workload};
}

}  // namespace sightline
