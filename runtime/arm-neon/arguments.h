#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace sightline {

/** Upper bound of any size that JavaScript may ask for: far above any device, far below overflow. */
constexpr int64_t kMaxBytes = int64_t{1} << 40;

/** What went wrong, as a code of runtime/base/errors.ts; no code means success. */
struct Failure {
  const char* code = nullptr;
  std::string message;
  explicit operator bool() const { return code != nullptr; }
};

/** Kept per JavaScript environment (main thread or worker). */
struct AddonState {
  /** (code, message) → SightlineError, handed in by index.ts. */
  Napi::FunctionReference make_error;
};

Napi::Value MakeError(Napi::Env env, const Failure& failure);

/** Raises in JavaScript and gives `undefined` to return. */
Napi::Value Throw(Napi::Env env, const char* code, std::string message);

/** A whole number within [low, high], else nothing. */
std::optional<int64_t> ReadInteger(const Napi::Value& value, int64_t low, int64_t high);

/** A finite number, else nothing. */
std::optional<double> ReadNumber(const Napi::Value& value);

/** The memory of a typed array, whatever buffer it lies over, SharedArrayBuffers included. */
struct ArrayView {
  napi_typedarray_type type;
  void* data;
  size_t bytes;
};
std::optional<ArrayView> ReadArray(const Napi::Value& value);

}  // namespace sightline
