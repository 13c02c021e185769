#include "kernels/binding.h"

#include "kernels/candidates_argument.h"
#include "kernels/peaks/peaks.h"
#include "kernels/values_argument.h"

namespace sightline {
namespace {

constexpr const char* kName = "peaks";
constexpr size_t kMaxSide = 1 << 16;

/** How the two tensors are stored. */
struct Quantizations {
  std::optional<Quantization> heat, edges;
};

Failure ReadOptions(const Napi::Value& value, PeaksParams* params, Quantizations* quantizations) {
  if (!value.IsObject()) return RefuseArgument(kName, "options must be an object");
  const auto options = value.As<Napi::Object>();
  const auto classes = ReadSize(options.Get("classes"), 1, kMaxSide);
  const auto width = ReadSize(options.Get("width"), 1, kMaxSide);
  const auto height = ReadSize(options.Get("height"), 1, kMaxSide);
  if (!classes || !width || !height)
    return RefuseArgument(kName, "classes, width and height must be 1 to 65536");
  params->classes = *classes;
  params->width = *width;
  params->height = *height;
  params->stride = static_cast<float>(ReadNumber(options.Get("stride")).value_or(0));
  if (!(params->stride > 0) || !std::isfinite(params->stride)) {
    return RefuseArgument(kName, "stride must be a float32 number above 0");
  }
  if (const Failure failure = ReadCandidatesWanted(kName, options, &params->wanted)) return failure;
  const Failure failure =
      ReadQuantization(kName, "quantization", options.Get("quantization"), &quantizations->heat);
  if (failure) return failure;
  return ReadQuantization(kName, "edgesQuantization", options.Get("edgesQuantization"),
                          &quantizations->edges);
}


/** peaks(heat, edges: Float32Array | Int8Array | Uint8Array, options) → {classIds, scores, boxes}; see
 * peaks.ts. */
Failure ParsePeaks(const Napi::CallbackInfo& info, Features features, Call* call) {
  PeaksParams params{};
  Quantizations of;
  if (const Failure failure = ReadOptions(info[2], &params, &of)) return failure;
  if (const Failure failure = ReadValues(kName, "heat", info[0], of.heat, &params.heat)) return failure;
  if (const Failure failure = ReadValues(kName, "edges", info[1], of.edges, &params.edges)) return failure;
  const size_t plane = params.width * params.height;
  if (params.heat.count != params.classes * plane) {
    return RefuseArgument(kName, "heat must be [classes, height, width]");
  }
  if (params.edges.count != 4 * plane) return RefuseArgument(kName, "edges must be [4, height, width]");
  call->arrays = {info[0].As<Napi::Object>(), info[1].As<Napi::Object>()};
  const auto found = std::make_shared<Candidates>();
  call->work = [params, found, &scores_ops = Select(kScoresVariants, features),
                &nms_ops = Select(kNmsVariants, features)] {
    *found = FindPeaks(params, scores_ops, nms_ops);
  };
  call->result = [found](Napi::Env env) { return ToObject(env, *found); };
  return {};
}

}  // namespace

// The loops of `peaks` are those of `scores`.
const KernelBinding kPeaksKernel{"peaks", NamesOf(kScoresVariants), {{"peaks", ParsePeaks}}};

}  // namespace sightline
