#include "engine/weights_argument.h"

#include "arguments.h"

namespace sightline {
namespace {

constexpr int64_t kMaxRank = 32;
/** ONNX counts its element types; those that there will be do not fit what is checked here anyway. */
constexpr int64_t kMaxType = 64;

bool ReadTensor(const Napi::Value& value, size_t file_bytes, MappedTensor* tensor) {
  if (!value.IsObject()) return false;
  const Napi::Object given = value.As<Napi::Object>();
  const Napi::Value name = given.Get("name");
  const Napi::Value dims = given.Get("dims");
  const auto type = ReadInteger(given.Get("type"), 1, kMaxType);
  const auto offset = ReadInteger(given.Get("offset"), 0, kMaxBytes);
  const auto bytes = ReadInteger(given.Get("bytes"), 0, kMaxBytes);
  if (!name.IsString() || !dims.IsArray() || !type || !offset || !bytes) return false;
  if (static_cast<size_t>(*offset + *bytes) > file_bytes) return false;
  tensor->name = name.As<Napi::String>();
  tensor->type = static_cast<int>(*type);
  tensor->span = {static_cast<size_t>(*offset), static_cast<size_t>(*bytes)};
  const Napi::Array list = dims.As<Napi::Array>();
  if (list.Length() > kMaxRank) return false;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const auto dim = ReadInteger(list.Get(i), 0, kMaxBytes);
    if (!dim) return false;
    tensor->dims.push_back(*dim);
  }
  return true;
}

}  // namespace

bool ReadWeights(const Napi::Value& load_options, const FileFinder& find, LoadOptions* options) {
  if (!load_options.IsObject()) return true;
  const Napi::Value value = load_options.As<Napi::Object>().Get("weights");
  if (value.IsUndefined()) return true;
  if (!value.IsObject()) return false;
  options->weights = find(value.As<Napi::Object>().Get("file"));
  const Napi::Value tensors = value.As<Napi::Object>().Get("tensors");
  if (!options->weights || !tensors.IsArray()) return false;
  const Napi::Array list = tensors.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    options->tensors.emplace_back();
    if (!ReadTensor(list.Get(i), options->weights->bytes(), &options->tensors.back())) return false;
  }
  return true;
}

}  // namespace sightline
