#include "kernels/bindings.h"

#include "arguments.h"
#include "kernels/cpu_features.h"
#include "kernels/normalize/normalize.h"

namespace sightline {
namespace {

constexpr int64_t kMaxSide = 1 << 16;

bool ReadFactors(const Napi::Value& value, float (&factors)[3]) {
  const auto array = ReadArray(value);
  if (!array || array->type != napi_float32_array || array->bytes != sizeof factors) return false;
  for (int c = 0; c < 3; c++) factors[c] = static_cast<const float*>(array->data)[c];
  return true;
}

/** Fills everything but the addresses; false when a number is out of range. */
bool ReadGeometry(const Napi::Object& options, NormalizeParams* params) {
  const auto width = ReadInteger(options.Get("width"), 1, kMaxSide);
  const auto height = ReadInteger(options.Get("height"), 1, kMaxSide);
  const auto channels = ReadInteger(options.Get("channels"), 1, 4);
  const auto stride = ReadInteger(options.Get("strideBytes"), 1, kMaxBytes / kMaxSide);
  if (!width || !height || !channels || *channels == 2 || !stride || *stride < *width * *channels)
    return false;
  params->width = static_cast<size_t>(*width);
  params->height = static_cast<size_t>(*height);
  params->channels = static_cast<int>(*channels);
  params->stride_bytes = static_cast<size_t>(*stride);
  params->swap_red_blue = options.Get("swapRedBlue").ToBoolean();
  params->planar = options.Get("planar").ToBoolean();
  return ReadFactors(options.Get("scale"), params->scale) &&
         ReadFactors(options.Get("offset"), params->offset);
}

/** normalize(pixels: Uint8Array, options, target: Float32Array, targetOffset) */
Napi::Value Normalize(const Napi::CallbackInfo& info) {
  const auto refuse = [&](const char* problem) {
    return Throw(info.Env(), "ERR_ADDON_ARGUMENT", std::string("normalize: ") + problem);
  };
  NormalizeParams params{};
  const auto pixels = ReadArray(info[0]);
  if (!pixels || pixels->type != napi_uint8_array) return refuse("pixels must be a Uint8Array");
  if (!info[1].IsObject() || !ReadGeometry(info[1].As<Napi::Object>(), &params)) {
    return refuse("width, height, channels, strideBytes, scale or offset is out of range");
  }
  const auto target = ReadArray(info[2]);
  if (!target || target->type != napi_float32_array) return refuse("target must be a Float32Array");
  const auto start = ReadInteger(info[3], 0, kMaxBytes);
  if (!start) return refuse("targetOffset must be a whole number");
  if (pixels->bytes < SourceBytes(params)) return refuse("pixels ends before the last row");
  const size_t room = target->bytes / sizeof(float);
  const size_t first = static_cast<size_t>(*start);
  if (first > room || room - first < TargetFloats(params)) return refuse("target is too small");
  params.pixels = static_cast<const uint8_t*>(pixels->data);
  params.target = static_cast<float*>(target->data) + first;
  NormalizeGeneric(params);
  return info.Env().Undefined();
}

Napi::Value CpuFeaturesNow(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  for (const char* name : CpuFeatures()) names.Set(names.Length(), Napi::String::New(info.Env(), name));
  return names;
}

}  // namespace

void BindKernels(Napi::Env env, Napi::Object exports) {
  exports.Set("normalize", Napi::Function::New<Normalize>(env, "normalize"));
  exports.Set("cpuFeatures", Napi::Function::New<CpuFeaturesNow>(env, "cpuFeatures"));
}

}  // namespace sightline
