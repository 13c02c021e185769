#include "arguments.h"

#include <cmath>

namespace sightline {
namespace {

size_t ElementBytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

Napi::Value MakeError(Napi::Env env, const Failure& failure) {
  auto* state = env.GetInstanceData<AddonState>();
  if (state == nullptr || state->make_error.IsEmpty()) return Napi::Error::New(env, failure.message).Value();
  return state->make_error.Call(
      {Napi::String::New(env, failure.code), Napi::String::New(env, failure.message)});
}

Napi::Value Throw(Napi::Env env, const char* code, std::string message) {
  // A getter of the caller may have thrown already: its own error says more.
  if (!env.IsExceptionPending()) {
    const Napi::Value error = MakeError(env, {code, std::move(message)});
    if (!error.IsEmpty()) napi_throw(env, error);
  }
  return env.Undefined();
}

std::optional<int64_t> ReadInteger(const Napi::Value& value, int64_t low, int64_t high) {
  const auto number = ReadNumber(value);
  if (!number || *number != std::floor(*number)) return std::nullopt;
  if (*number < static_cast<double>(low) || *number > static_cast<double>(high)) return std::nullopt;
  return static_cast<int64_t>(*number);
}

std::optional<double> ReadNumber(const Napi::Value& value) {
  if (value.IsEmpty() || !value.IsNumber()) return std::nullopt;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<ArrayView> ReadArray(const Napi::Value& value) {
  if (value.IsEmpty() || !value.IsTypedArray()) return std::nullopt;
  ArrayView view{};
  size_t length = 0;
  const napi_status status =
      napi_get_typedarray_info(value.Env(), value, &view.type, &length, &view.data, nullptr, nullptr);
  const size_t element_bytes = ElementBytes(view.type);
  if (status != napi_ok || element_bytes == 0) return std::nullopt;
  view.bytes = length * element_bytes;
  if (view.data == nullptr && view.bytes != 0) return std::nullopt;
  return view;
}

}  // namespace sightline
