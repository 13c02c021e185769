#include "kernels/binding.h"

#include "kernels/candidates_argument.h"
#include "kernels/values_argument.h"
#include "kernels/yolo/yolo.h"

namespace sightline {
namespace {

constexpr const char* kName = "yolo";
constexpr size_t kMaxBoxes = 1 << 24, kMaxClasses = 1 << 16;

std::optional<bool> ReadLayout(const Napi::Value& value) {
  if (value.IsEmpty() || !value.IsString()) return std::nullopt;
  const std::string layout = value.As<Napi::String>();
  if (layout != "columns" && layout != "rows") return std::nullopt;
  return layout == "columns";
}

Failure ReadOptions(const Napi::Value& value, YoloParams* params, std::optional<Quantization>* quantization) {
  if (!value.IsObject()) return RefuseArgument(kName, "options must be an object");
  const auto options = value.As<Napi::Object>();
  const auto has_columns = ReadLayout(options.Get("layout"));
  if (!has_columns) return RefuseArgument(kName, "layout must be columns or rows");
  const auto boxes = ReadSize(options.Get("boxes"), 0, kMaxBoxes);
  if (!boxes) return RefuseArgument(kName, "boxes must be 0 to 2^24");
  const auto classes = ReadSize(options.Get("classes"), 1, kMaxClasses);
  if (!classes) return RefuseArgument(kName, "classes must be 1 to 65536");
  params->has_columns = *has_columns;
  params->boxes = *boxes;
  params->classes = *classes;
  if (const Failure failure = ReadCandidatesWanted(kName, options, &params->wanted)) return failure;
  return ReadQuantization(kName, "quantization", options.Get("quantization"), quantization);
}


/** yolo(output: Float32Array | Int8Array | Uint8Array, options) → {classIds, scores, boxes}; see yolo.ts. */
Failure ParseYolo(const Napi::CallbackInfo& info, Features features, Call* call) {
  YoloParams params{};
  std::optional<Quantization> quantization;
  if (const Failure failure = ReadOptions(info[1], &params, &quantization)) return failure;
  if (const Failure failure = ReadValues(kName, "output", info[0], quantization, &params.output))
    return failure;
  if (params.output.count != params.boxes * (params.classes + (params.has_columns ? 4 : 5))) {
    return RefuseArgument(kName,
                          "output must be [4 + classes, boxes] in columns or [boxes, 5 + classes] in rows");
  }
  call->arrays = {info[0].As<Napi::Object>()};
  const auto found = std::make_shared<Candidates>();
  const ScoresOps& scores_ops = Select(kScoresVariants, features);
  const NmsOps& nms_ops = Select(kNmsVariants, features);
  call->work = [params, found, &scores_ops, &nms_ops, &ops = Select(kYoloVariants, features)] {
    *found = DecodeYolo(params, scores_ops, nms_ops, ops);
  };
  call->result = [found](Napi::Env env) { return ToObject(env, *found); };
  return {};
}

}  // namespace

const KernelBinding kYoloKernel{"yolo", NamesOf(kYoloVariants), {{"yolo", ParseYolo}}};

}  // namespace sightline
