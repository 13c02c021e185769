#include "kernels/binding.h"

#include "kernels/argmax/argmax.h"
#include "kernels/values_argument.h"

namespace sightline {
namespace {

constexpr const char* kName = "argmax";
constexpr size_t kMaxClasses = 256;

Failure ReadLogits(const Napi::Value& value, Values* logits) {
  const auto array = ReadArray(value);
  // Which of several logits is the greatest does not depend on scale and zero point.
  const bool is_float = array && array->type == napi_float32_array;
  return ReadValues(kName, "logits", value, is_float ? std::nullopt : std::optional(Quantization{1, 0}),
                    logits);
}

bool Overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const auto first = reinterpret_cast<uintptr_t>(a), second = reinterpret_cast<uintptr_t>(b);
  return first < second + b_bytes && second < first + a_bytes;
}


/** argmax(logits: Float32Array | Int8Array | Uint8Array, options, classMap: Uint8Array); see argmax.ts. */
Failure ParseArgmax(const Napi::CallbackInfo& info, Features features, Call* call) {
  if (!info[1].IsObject()) return RefuseArgument(kName, "options must be an object");
  const auto classes = ReadSize(info[1].As<Napi::Object>().Get("classes"), 1, kMaxClasses);
  if (!classes) return RefuseArgument(kName, "classes must be 1 to 256");
  ArgmaxParams params{};
  params.classes = *classes;
  if (const Failure failure = ReadLogits(info[0], &params.logits)) return failure;
  const auto class_map = ReadArray(info[2]);
  if (!class_map || class_map->type != napi_uint8_array) {
    return RefuseArgument(kName, "classMap must be a Uint8Array");
  }
  params.count = class_map->bytes;
  params.class_map = static_cast<uint8_t*>(class_map->data);
  if (params.logits.count % params.classes != 0 || params.logits.count / params.classes != params.count) {
    return RefuseArgument(kName, "logits must be classes times as many as classMap");
  }
  const size_t logits_bytes =
      params.logits.count * (params.logits.type == ValueType::kFloat32 ? sizeof(float) : 1);
  if (Overlap(params.logits.data, logits_bytes, params.class_map, params.count)) {
    return RefuseArgument(kName, "classMap must not lie over logits");
  }
  call->arrays = {info[0].As<Napi::Object>(), info[2].As<Napi::Object>()};
  call->work = [params, &ops = Select(kArgmaxVariants, features)] { FillClassMap(params, ops); };
  return {};
}

}  // namespace

const KernelBinding kArgmaxKernel{"argmax", NamesOf(kArgmaxVariants), {{"argmax", ParseArgmax}}};

}  // namespace sightline
