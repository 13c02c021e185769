#include "kernels/candidates_argument.h"

#include <string>

#include "kernels/arrays.h"
#include "kernels/values_argument.h"

namespace sightline {

Failure ReadNms(const char* kernel, const char* name, const Napi::Value& value, NmsParams* params) {
  const auto refuse = [&](const char* problem) {
    return RefuseArgument(kernel, name + std::string(problem));
  };
  if (value.IsEmpty() || !value.IsObject()) return refuse(" must be an object");
  const auto object = value.As<Napi::Object>();
  const auto iou_max = ReadNumber(object.Get("iouMax"));
  if (!iou_max || *iou_max < 0 || *iou_max > 1) return refuse(".iouMax must be 0 to 1");
  const Napi::Value across = object.Get("acrossClasses");
  if (across.IsEmpty() || !(across.IsUndefined() || across.IsBoolean())) {
    return refuse(".acrossClasses must be true or false");
  }
  *params = {static_cast<float>(*iou_max), across.IsBoolean() && across.As<Napi::Boolean>().Value()};
  return {};
}

Failure ReadCandidatesWanted(const char* kernel, const Napi::Object& options, CandidatesWanted* wanted) {
  const auto score_min = ReadNumber(options.Get("scoreMin"));
  if (!score_min) return RefuseArgument(kernel, "scoreMin must be a finite number");
  wanted->score_min = *score_min;
  const auto limit = ReadSize(options.Get("limit"), 1, kMaxCandidates);
  if (!limit) return RefuseArgument(kernel, "limit must be 1 to 1000");
  wanted->limit = *limit;
  const Napi::Value nms = options.Get("nms");
  if (!nms.IsEmpty() && nms.IsUndefined()) return {};
  wanted->nms.emplace();
  return ReadNms(kernel, "nms", nms, &*wanted->nms);
}

Napi::Value ToObject(Napi::Env env, const Candidates& candidates) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("classIds", ToArray(env, candidates.class_ids));
  object.Set("scores", ToArray(env, candidates.scores));
  object.Set("boxes", ToArray(env, candidates.boxes));
  return object;
}

}  // namespace sightline
