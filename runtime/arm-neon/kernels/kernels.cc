#include "kernels/kernels.h"

#include <optional>

#include "kernels/argmax/bindings.h"
#include "kernels/call.h"
#include "kernels/convert/bindings.h"
#include "kernels/distances/bindings.h"
#include "kernels/list.h"
#include "kernels/nms/bindings.h"
#include "kernels/peaks/bindings.h"
#include "kernels/preprocess/bindings.h"
#include "kernels/regions/bindings.h"
#include "kernels/scores/bindings.h"
#include "kernels/yolo/bindings.h"

namespace sightline {
namespace {

Napi::Array Names(Napi::Env env, Features features) {
  Napi::Array names = Napi::Array::New(env);
  for (const FeatureName& known : kFeatureNames) {
    if ((features & known.feature) != 0) names.Set(names.Length(), Napi::String::New(env, known.name));
  }
  return names;
}

/** Those of this CPU's features that `value` names; nothing when it names another one. */
std::optional<Features> ReadFeatures(const Napi::Value& value) {
  const Features present = ProbeFeatures();
  if (value.IsUndefined()) return present;
  if (!value.IsArray()) return std::nullopt;
  const Napi::Array names = value.As<Napi::Array>();
  Features features = 0;
  for (uint32_t i = 0; i < names.Length(); i++) {
    const Napi::Value name = names.Get(i);
    if (name.IsEmpty() || !name.IsString()) return std::nullopt;
    const std::string wanted = name.As<Napi::String>();
    Features found = 0;
    for (const FeatureName& known : kFeatureNames) {
      if (wanted == known.name) found = known.feature & present;
    }
    if (found == 0) return std::nullopt;
    features |= found;
  }
  return features;
}

Napi::Value CpuFeatures(const Napi::CallbackInfo& info) {
  return Names(info.Env(), ProbeFeatures());
}

/** {kernel: [{variant, needs}]}, best first. */
Napi::Value AllVariants(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object kernels = Napi::Object::New(env);
  for (const KernelVariants& known : ListKernels()) {
    Napi::Array variants = Napi::Array::New(env);
    for (const KernelVariants::Named& named : known.variants) {
      Napi::Object variant = Napi::Object::New(env);
      variant.Set("variant", named.name);
      variant.Set("needs", Names(env, named.needs));
      variants.Set(variants.Length(), variant);
    }
    kernels.Set(known.kernel, variants);
  }
  return kernels;
}

}  // namespace

template <auto parse>
Napi::Value Kernels::Now(const Napi::CallbackInfo& info) {
  return CallNow(info, features_, parse);
}

template <auto parse>
Napi::Value Kernels::Later(const Napi::CallbackInfo& info) {
  return CallLater(info, features_, parse);
}

void Kernels::Bind(Napi::Env env, Napi::Object exports) {
  exports.Set("Kernels", DefineClass(env, "Kernels",
                                     {
                                         InstanceMethod<&Kernels::Chosen>("chosen"),
                                         InstanceMethod<&Kernels::Now<ParseToFloat16>>("toFloat16"),
                                         InstanceMethod<&Kernels::Later<ParseToFloat16>>("toFloat16Async"),
                                         InstanceMethod<&Kernels::Now<ParseToFloat32>>("toFloat32"),
                                         InstanceMethod<&Kernels::Later<ParseToFloat32>>("toFloat32Async"),
                                         InstanceMethod<&Kernels::Now<ParseQuantize>>("quantize"),
                                         InstanceMethod<&Kernels::Later<ParseQuantize>>("quantizeAsync"),
                                         InstanceMethod<&Kernels::Now<ParseDequantize>>("dequantize"),
                                         InstanceMethod<&Kernels::Later<ParseDequantize>>("dequantizeAsync"),
                                         InstanceMethod<&Kernels::Now<ParseDistances>>("distances"),
                                         InstanceMethod<&Kernels::Later<ParseDistances>>("distancesAsync"),
                                         InstanceMethod<&Kernels::Now<ParsePreprocess>>("preprocess"),
                                         InstanceMethod<&Kernels::Later<ParsePreprocess>>("preprocessAsync"),
                                         InstanceMethod<&Kernels::Now<ParseScores>>("scores"),
                                         InstanceMethod<&Kernels::Later<ParseScores>>("scoresAsync"),
                                         InstanceMethod<&Kernels::Now<ParseNms>>("nms"),
                                         InstanceMethod<&Kernels::Later<ParseNms>>("nmsAsync"),
                                         InstanceMethod<&Kernels::Now<ParseYolo>>("yolo"),
                                         InstanceMethod<&Kernels::Later<ParseYolo>>("yoloAsync"),
                                         InstanceMethod<&Kernels::Now<ParsePeaks>>("peaks"),
                                         InstanceMethod<&Kernels::Later<ParsePeaks>>("peaksAsync"),
                                         InstanceMethod<&Kernels::Now<ParseArgmax>>("argmax"),
                                         InstanceMethod<&Kernels::Later<ParseArgmax>>("argmaxAsync"),
                                         InstanceMethod<&Kernels::Now<ParseRegions>>("regions"),
                                         InstanceMethod<&Kernels::Later<ParseRegions>>("regionsAsync"),
                                     }));
  exports.Set("cpuFeatures", Napi::Function::New<CpuFeatures>(env, "cpuFeatures"));
  exports.Set("kernelVariants", Napi::Function::New<AllVariants>(env, "kernelVariants"));
}

Kernels::Kernels(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Kernels>(info) {
  const auto features = ReadFeatures(info[0]);
  if (features) {
    features_ = *features;
  } else {
    Throw(Env(), "ERR_ADDON_ARGUMENT", "Kernels: wanted a list of features that this CPU has");
  }
}

Napi::Value Kernels::Chosen(const Napi::CallbackInfo& info) {
  Napi::Object chosen = Napi::Object::New(info.Env());
  for (const KernelVariants& known : ListKernels()) {
    for (const KernelVariants::Named& variant : known.variants) {
      if ((variant.needs & features_) != variant.needs) continue;
      chosen.Set(known.kernel, variant.name);
      break;
    }
  }
  return chosen;
}

}  // namespace sightline
