#include "kernels/binding.h"

#include <cmath>
#include <optional>
#include <string>

#include "kernels/convert/convert.h"

namespace sightline {
namespace {

constexpr uint32_t kMaxChannels = 1 << 16;

Failure Refuse(const std::string& problem) {
  return {"ERR_ADDON_ARGUMENT", problem};
}

bool IsScale(double number) {
  const auto scale = static_cast<float>(number);
  return scale > 0 && std::isfinite(scale);
}

/** Of either type; whether it fits the one in use is seen when the array is. */
bool IsZeroPoint(double number) {
  return number == std::floor(number) && number >= -128 && number <= 255;
}

/** One to kMaxChannels numbers that `is_good`; empty when it is anything else. */
std::vector<float> ReadNumbers(const Napi::Value& value, bool (*is_good)(double)) {
  if (value.IsEmpty() || !value.IsArray()) return {};
  const auto list = value.As<Napi::Array>();
  const uint32_t length = list.Length();
  if (length > kMaxChannels) return {};
  std::vector<float> numbers(length);
  for (uint32_t i = 0; i < length; i++) {
    const auto number = ReadNumber(list.Get(i));
    if (!number || !is_good(*number)) return {};
    numbers[i] = static_cast<float>(*number);
  }
  return numbers;
}

Failure ReadChannels(const std::string& name, const Napi::Value& value, ChannelQuantization* quantization) {
  if (!value.IsObject()) return Refuse(name + ": options must be an object");
  const auto options = value.As<Napi::Object>();
  quantization->scales = ReadNumbers(options.Get("scales"), IsScale);
  if (quantization->scales.empty()) {
    return Refuse(name + ": options.scales must be a list of 1 to 65536 positive float32 numbers");
  }
  quantization->zero_points = ReadNumbers(options.Get("zeroPoints"), IsZeroPoint);
  if (quantization->zero_points.size() != quantization->scales.size()) {
    return Refuse(name + ": options.zeroPoints must be whole numbers of the type's range, one a scale");
  }
  const Napi::Value given = options.Get("inner");
  const bool has_inner = !given.IsEmpty() && !given.IsUndefined();
  const auto inner = has_inner ? ReadInteger(given, 1, kMaxBytes) : std::optional<int64_t>(1);
  if (!inner) return Refuse(name + ": options.inner must be a whole number of 1 or more");
  quantization->inner = static_cast<size_t>(*inner);
  return {};
}

/** Float values on one side, steps on the other. */
struct Sides {
  float* values;
  void* steps;
  size_t count;
};

Failure ReadSides(const std::string& name, const Napi::Value& values_given, const Napi::Value& steps_given,
                  ChannelQuantization* q, Sides* sides) {
  const auto values = ReadArray(values_given), steps = ReadArray(steps_given);
  if (!values || values->type != napi_float32_array) return Refuse(name + ": values must be a Float32Array");
  if (!steps || (steps->type != napi_int8_array && steps->type != napi_uint8_array)) {
    return Refuse(name + ": steps must be an Int8Array or a Uint8Array");
  }
  *sides = {static_cast<float*>(values->data), steps->data, steps->bytes};
  if (values->bytes / sizeof(float) != sides->count) {
    return Refuse(name + ": values and steps must have the same length");
  }
  if (sides->count % q->scales.size() != 0 || sides->count / q->scales.size() % q->inner != 0) {
    return Refuse(name +
                  ": values must be whole groups of options.inner elements for each of options.scales");
  }
  q->is_signed = steps->type == napi_int8_array;
  const float low = q->is_signed ? -128 : 0;
  for (const float zero_point : q->zero_points) {
    if (zero_point >= low && zero_point <= low + 255) continue;
    return Refuse(name + ": options.zeroPoints must be whole numbers of the type's range, one a scale");
  }
  return {};
}

/** Two arrays of `from` and `to` type and one length. */
Failure ReadPair(const std::string& name, const Napi::CallbackInfo& info, napi_typedarray_type from,
                 napi_typedarray_type to, ArrayView* source, ArrayView* target) {
  const auto name_of = [](napi_typedarray_type type) {
    return std::string(type == napi_float32_array ? "values must be a Float32Array"
                                                  : "halves must be a Uint16Array");
  };
  const auto length = [](const ArrayView& view) {
    return view.bytes / (view.type == napi_float32_array ? sizeof(float) : sizeof(uint16_t));
  };
  const auto first = ReadArray(info[0]), second = ReadArray(info[1]);
  if (!first || first->type != from) return Refuse(name + ": " + name_of(from));
  if (!second || second->type != to) return Refuse(name + ": " + name_of(to));
  if (length(*first) != length(*second))
    return Refuse(name + ": values and halves must have the same length");
  *source = *first;
  *target = *second;
  return {};
}


Failure ParseToFloat16(const Napi::CallbackInfo& info, Features features, Call* call) {
  ArrayView values, halves;
  if (const Failure failure =
          ReadPair("toFloat16", info, napi_float32_array, napi_uint16_array, &values, &halves)) {
    return failure;
  }
  call->arrays = {info[0].As<Napi::Object>(), info[1].As<Napi::Object>()};
  call->work = [values, halves, &ops = Select(kConvertVariants, features)] {
    ops.to_float16(static_cast<const float*>(values.data), values.bytes / sizeof(float),
                   static_cast<uint16_t*>(halves.data));
  };
  return {};
}

Failure ParseToFloat32(const Napi::CallbackInfo& info, Features features, Call* call) {
  ArrayView halves, values;
  if (const Failure failure =
          ReadPair("toFloat32", info, napi_uint16_array, napi_float32_array, &halves, &values)) {
    return failure;
  }
  call->arrays = {info[0].As<Napi::Object>(), info[1].As<Napi::Object>()};
  call->work = [values, halves, &ops = Select(kConvertVariants, features)] {
    ops.to_float32(static_cast<const uint16_t*>(halves.data), halves.bytes / sizeof(uint16_t),
                   static_cast<float*>(values.data));
  };
  return {};
}

Failure ParseQuantize(const Napi::CallbackInfo& info, Features features, Call* call) {
  ChannelQuantization q{};
  Sides sides;
  if (const Failure failure = ReadChannels("quantize", info[1], &q)) return failure;
  if (const Failure failure = ReadSides("quantize", info[0], info[2], &q, &sides)) return failure;
  call->arrays = {info[0].As<Napi::Object>(), info[2].As<Napi::Object>()};
  call->work = [q = std::move(q), sides, &ops = Select(kConvertVariants, features)] {
    Quantize(sides.values, sides.count, q, ops, sides.steps);
  };
  return {};
}

Failure ParseDequantize(const Napi::CallbackInfo& info, Features features, Call* call) {
  ChannelQuantization q{};
  Sides sides;
  if (const Failure failure = ReadChannels("dequantize", info[1], &q)) return failure;
  if (const Failure failure = ReadSides("dequantize", info[2], info[0], &q, &sides)) return failure;
  call->arrays = {info[0].As<Napi::Object>(), info[2].As<Napi::Object>()};
  call->work = [q = std::move(q), sides, &ops = Select(kConvertVariants, features)] {
    Dequantize(sides.steps, sides.count, q, ops, sides.values);
  };
  return {};
}

}  // namespace

const KernelBinding kConvertKernel{"convert",
                                   NamesOf(kConvertVariants),
                                   {{"toFloat16", ParseToFloat16},
                                    {"toFloat32", ParseToFloat32},
                                    {"quantize", ParseQuantize},
                                    {"dequantize", ParseDequantize}}};

}  // namespace sightline
