#pragma once

#include <napi.h>

#include <optional>
#include <string>

#include "arguments.h"
#include "kernels/values.h"

namespace sightline {

/** Says of an argument what was wanted. */
Failure RefuseArgument(const char* kernel, const std::string& problem);

struct Quantization {
  float scale;
  int zero_point;
};

/** {scale, zeroPoint}, or nothing where it was left out. */
Failure ReadQuantization(const char* kernel, const char* name, const Napi::Value& value,
                         std::optional<Quantization>* quantization);

/** A Float32Array, or an Int8Array or Uint8Array that has a quantization. */
Failure ReadValues(const char* kernel, const char* name, const Napi::Value& value,
                   const std::optional<Quantization>& quantization, Values* values);

/** A number or an infinity, else nothing. */
std::optional<double> ReadThreshold(const Napi::Value& value);

/** A whole number within [low, high], else nothing. */
std::optional<size_t> ReadSize(const Napi::Value& value, size_t low, size_t high);

}  // namespace sightline
