#include "kernels/binding.h"

#include "kernels/arrays.h"
#include "kernels/scores/scores.h"
#include "kernels/values_argument.h"

namespace sightline {
namespace {

constexpr const char* kName = "scores";
constexpr size_t kMaxLimit = 1 << 20;

Failure ReadOptions(const Napi::Value& value, ScoresParams* params,
                    std::optional<Quantization>* quantization) {
  if (!value.IsObject()) return RefuseArgument(kName, "options must be an object");
  const auto options = value.As<Napi::Object>();
  const auto score_min = ReadThreshold(options.Get("scoreMin"));
  if (!score_min) return RefuseArgument(kName, "scoreMin must be a number");
  params->score_min = *score_min;
  const auto limit = ReadSize(options.Get("limit"), 1, kMaxLimit);
  if (!limit) return RefuseArgument(kName, "limit must be 1 to 2^20");
  params->limit = *limit;
  return ReadQuantization(kName, "quantization", options.Get("quantization"), quantization);
}

Napi::Value ToObject(Napi::Env env, const SelectedScores& selected) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("indices", ToArray(env, selected.indices));
  object.Set("scores", ToArray(env, selected.scores));
  return object;
}


/** scores(values: Float32Array | Int8Array | Uint8Array, options) → {indices, scores}; see scores.ts. */
Failure ParseScores(const Napi::CallbackInfo& info, Features features, Call* call) {
  ScoresParams params{};
  std::optional<Quantization> quantization;
  if (const Failure failure = ReadOptions(info[1], &params, &quantization)) return failure;
  if (const Failure failure = ReadValues(kName, "values", info[0], quantization, &params.values))
    return failure;
  call->arrays = {info[0].As<Napi::Object>()};
  const auto selected = std::make_shared<SelectedScores>();
  call->work = [params, selected, &ops = Select(kScoresVariants, features)] {
    *selected = SelectScores(params, ops);
  };
  call->result = [selected](Napi::Env env) { return ToObject(env, *selected); };
  return {};
}

}  // namespace

const KernelBinding kScoresKernel{"scores", NamesOf(kScoresVariants), {{"scores", ParseScores}}};

}  // namespace sightline
