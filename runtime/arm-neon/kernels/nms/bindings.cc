#include "kernels/binding.h"

#include "kernels/arrays.h"
#include "kernels/candidates_argument.h"
#include "kernels/nms/nms.h"
#include "kernels/values_argument.h"

namespace sightline {
namespace {

constexpr const char* kName = "nms";

/** Looks up the memory of all three arrays, no property being read in between. */
Failure ReadBoxes(const Napi::Value (&arrays)[3], ScoredBoxes* boxes) {
  const auto class_ids = ReadArray(arrays[0]), scores = ReadArray(arrays[1]), corners = ReadArray(arrays[2]);
  if (!scores || scores->type != napi_float32_array)
    return RefuseArgument(kName, "scores must be a Float32Array");
  if (!corners || corners->type != napi_float32_array)
    return RefuseArgument(kName, "boxes must be a Float32Array");
  if (!class_ids || class_ids->type != napi_uint32_array) {
    return RefuseArgument(kName, "classIds must be a Uint32Array");
  }
  const size_t count = scores->bytes / sizeof(float);
  if (count > UINT32_MAX) return RefuseArgument(kName, "scores has more than 2^32 - 1 values");
  if (class_ids->bytes != scores->bytes) return RefuseArgument(kName, "classIds must be as many as scores");
  if (corners->bytes != scores->bytes * 4) return RefuseArgument(kName, "boxes must be four numbers a score");
  *boxes = {static_cast<const float*>(corners->data), static_cast<const float*>(scores->data),
            static_cast<const uint32_t*>(class_ids->data), count};
  return {};
}


/** nms({classIds: Uint32Array, scores: Float32Array, boxes: Float32Array}, options) → indices; see nms.ts. */
Failure ParseNms(const Napi::CallbackInfo& info, Features features, Call* call) {
  NmsParams params{};
  if (const Failure failure = ReadNms(kName, "options", info[1], &params)) return failure;
  if (!info[0].IsObject()) return RefuseArgument(kName, "candidates must be an object");
  const auto candidates = info[0].As<Napi::Object>();
  const Napi::Value arrays[3] = {candidates.Get("classIds"), candidates.Get("scores"),
                                 candidates.Get("boxes")};
  ScoredBoxes boxes{};
  if (const Failure failure = ReadBoxes(arrays, &boxes)) return failure;
  for (const Napi::Value& array : arrays) call->arrays.push_back(array.As<Napi::Object>());
  const auto kept = std::make_shared<std::vector<uint32_t>>();
  const ScoresOps& scores_ops = Select(kScoresVariants, features);
  call->work = [boxes, params, kept, &scores_ops, &ops = Select(kNmsVariants, features)] {
    *kept = Nms(boxes, params, scores_ops, ops);
  };
  call->result = [kept](Napi::Env env) { return ToArray(env, *kept); };
  return {};
}

}  // namespace

const KernelBinding kNmsKernel{"nms", NamesOf(kNmsVariants), {{"nms", ParseNms}}};

}  // namespace sightline
