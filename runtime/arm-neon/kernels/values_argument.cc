#include "kernels/values_argument.h"

#include <cmath>

namespace sightline {
namespace {

/** Indices are 32 bits wide. */
constexpr size_t kMaxCount = UINT32_MAX;

template <typename T>
bool Tabulate(const Quantization& quantization, Values* values) {
  constexpr int kLow = std::numeric_limits<T>::lowest(), kHigh = std::numeric_limits<T>::max();
  if (quantization.zero_point < kLow || quantization.zero_point > kHigh) return false;
  for (int q = kLow; q <= kHigh; q++) {
    values->reals[static_cast<size_t>(q - kLow)] =
        static_cast<float>(q - quantization.zero_point) * quantization.scale;
  }
  return true;
}

}  // namespace

Failure RefuseArgument(const char* kernel, const std::string& problem) {
  return {"ERR_ADDON_ARGUMENT", std::string(kernel) + ": " + problem};
}

Failure ReadQuantization(const char* kernel, const char* name, const Napi::Value& value,
                         std::optional<Quantization>* quantization) {
  if (!value.IsEmpty() && value.IsUndefined()) return {};
  if (value.IsEmpty() || !value.IsObject())
    return RefuseArgument(kernel, std::string(name) + " must be an object");
  const auto object = value.As<Napi::Object>();
  const auto scale = ReadNumber(object.Get("scale"));
  const auto factor = static_cast<float>(scale.value_or(0));
  if (!(factor > 0) || !std::isfinite(factor)) {
    return RefuseArgument(kernel, std::string(name) + ".scale must be a float32 number above 0");
  }
  const auto zero_point = ReadInteger(object.Get("zeroPoint"), -128, 255);
  if (!zero_point) return RefuseArgument(kernel, std::string(name) + ".zeroPoint must be a whole number");
  *quantization = Quantization{factor, static_cast<int>(*zero_point)};
  return {};
}

Failure ReadValues(const char* kernel, const char* name, const Napi::Value& value,
                   const std::optional<Quantization>& quantization, Values* values) {
  const auto refuse = [&](const char* problem) {
    return RefuseArgument(kernel, name + std::string(problem));
  };
  const auto array = ReadArray(value);
  const bool is_float = array && array->type == napi_float32_array;
  const bool is_int8 = array && array->type == napi_int8_array;
  if (!is_float && !is_int8 && !(array && array->type == napi_uint8_array)) {
    return refuse(" must be a Float32Array, Int8Array or Uint8Array");
  }
  if (is_float == quantization.has_value()) {
    return refuse(is_float ? " is float32 and takes no quantization" : " needs a quantization");
  }
  values->type = is_float ? ValueType::kFloat32 : is_int8 ? ValueType::kInt8 : ValueType::kUint8;
  values->data = array->data;
  values->count = array->bytes / (is_float ? sizeof(float) : 1);
  if (values->count > kMaxCount) return refuse(" has more than 2^32 - 1 values");
  if (is_float) return {};
  const bool is_within =
      is_int8 ? Tabulate<int8_t>(*quantization, values) : Tabulate<uint8_t>(*quantization, values);
  return is_within ? Failure{} : refuse(" is of a type that the zeroPoint lies outside of");
}

std::optional<double> ReadThreshold(const Napi::Value& value) {
  if (value.IsEmpty() || !value.IsNumber()) return std::nullopt;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (std::isnan(number)) return std::nullopt;
  return number;
}

std::optional<size_t> ReadSize(const Napi::Value& value, size_t low, size_t high) {
  const auto number = ReadInteger(value, static_cast<int64_t>(low), static_cast<int64_t>(high));
  if (!number) return std::nullopt;
  return static_cast<size_t>(*number);
}

}  // namespace sightline
