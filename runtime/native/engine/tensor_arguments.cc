#include "engine/tensor_arguments.h"

#include "engine/element_types.h"

namespace sightline {
namespace {

constexpr int64_t kMaxRank = 32;

/** Reads dims into `view` and gives the bytes that a tensor of these takes; nothing when they are not dims.
 */
std::optional<int64_t> ReadDims(const Napi::Value& value, size_t element_bytes, TensorView* view) {
  if (value.IsEmpty() || !value.IsArray()) return std::nullopt;
  const Napi::Array dims = value.As<Napi::Array>();
  if (dims.Length() > kMaxRank) return std::nullopt;
  int64_t bytes = static_cast<int64_t>(element_bytes);
  for (uint32_t i = 0; i < dims.Length(); i++) {
    const auto dim = ReadInteger(dims.Get(i), 0, kMaxBytes);
    if (!dim || (*dim != 0 && bytes > kMaxBytes / *dim)) return std::nullopt;
    bytes *= *dim;
    view->dims.push_back(*dim);
  }
  return bytes;
}

bool ReadTensor(const Napi::Object& entry, const std::vector<TensorSpec>& specs, TensorView* view,
                std::string* problem) {
  const auto index = ReadInteger(entry.Get("index"), 0, static_cast<int64_t>(specs.size()) - 1);
  if (!index) return *problem = "there is no tensor of this index", false;
  view->index = static_cast<size_t>(*index);
  const TensorSpec& spec = specs[view->index];
  const ElementType& type = *FindElementType(spec.type);
  const auto array = ReadArray(entry.Get("data"));
  if (!array || array->type != type.array) {
    return *problem = "\"" + spec.name + "\" needs the typed array of " + type.name, false;
  }
  const auto bytes = ReadDims(entry.Get("dims"), type.bytes, view);
  if (!bytes || static_cast<size_t>(*bytes) != array->bytes) {
    return *problem = "\"" + spec.name + "\" has dims that do not fit its data", false;
  }
  view->data = array->data;
  view->bytes = array->bytes;
  return true;
}

Napi::Array ToJs(Napi::Env env, const std::vector<int64_t>& dims) {
  Napi::Array array = Napi::Array::New(env, dims.size());
  for (uint32_t i = 0; i < dims.size(); i++) {
    array.Set(i, Napi::Number::New(env, static_cast<double>(dims[i])));
  }
  return array;
}

Napi::Array ToJs(Napi::Env env, const std::vector<TensorSpec>& specs) {
  Napi::Array array = Napi::Array::New(env, specs.size());
  for (uint32_t i = 0; i < specs.size(); i++) {
    Napi::Object spec = Napi::Object::New(env);
    spec.Set("name", specs[i].name);
    spec.Set("dtype", FindElementType(specs[i].type)->name);
    spec.Set("dims", ToJs(env, specs[i].dims));
    array.Set(i, spec);
  }
  return array;
}

/** An output that ONNX Runtime allocated, with what it takes to free it. */
struct Output {
  std::shared_ptr<OrtRuntime> runtime;
  OrtPtr<OrtValue> value;
};

bool ReadOutput(const Output& output, size_t element_bytes, std::vector<int64_t>* dims, void** data,
                size_t* bytes) {
  const OrtApi& api = output.runtime->api;
  Failure ignored;
  const auto ok = [&](OrtStatus* status) { return output.runtime->Succeeded(status, "", &ignored); };
  OrtTensorInfo* raw = nullptr;
  if (!ok(api.GetTensorTypeAndShape(output.value.get(), &raw))) return false;
  const OrtPtr<OrtTensorInfo> info = output.runtime->Own(raw);
  size_t rank = 0;
  if (!ok(api.GetDimensionsCount(raw, &rank))) return false;
  dims->resize(rank);
  *bytes = element_bytes;
  if (!ok(api.GetDimensions(raw, dims->data(), rank))) return false;
  for (int64_t dim : *dims) *bytes *= static_cast<size_t>(dim);
  return ok(api.GetTensorMutableData(output.value.get(), data));
}

Napi::Value HandOverOne(Napi::Env env, Output output, size_t element_bytes) {
  std::vector<int64_t> dims;
  void* data = nullptr;
  size_t bytes = 0;
  if (!output.value || !ReadOutput(output, element_bytes, &dims, &data, &bytes)) return env.Null();
  Napi::Object result = Napi::Object::New(env);
  result.Set("dims", ToJs(env, dims));
  if (bytes == 0) {
    result.Set("buffer", Napi::ArrayBuffer::New(env, 0));
    return result;
  }
  auto* owner = new Output(std::move(output));
  result.Set("buffer",
             Napi::ArrayBuffer::New(
                 env, data, bytes, [](Napi::BasicEnv, void*, Output* done) { delete done; }, owner));
  return result;
}

}  // namespace

bool ReadTensors(const Napi::Value& list, const std::vector<TensorSpec>& specs,
                 std::vector<TensorView>* tensors, std::vector<Napi::ObjectReference>* held,
                 std::string* problem) {
  if (!list.IsArray()) return *problem = "wanted an array of tensors", false;
  const Napi::Array entries = list.As<Napi::Array>();
  if (entries.Length() > specs.size()) return *problem = "more tensors than the model has", false;
  for (uint32_t i = 0; i < entries.Length(); i++) {
    const Napi::Value entry = entries.Get(i);
    if (entry.IsEmpty() || !entry.IsObject()) return *problem = "a tensor must be an object", false;
    TensorView view{};
    if (!ReadTensor(entry.As<Napi::Object>(), specs, &view, problem)) return false;
    tensors->push_back(std::move(view));
    held->push_back(Napi::Persistent(entry.As<Napi::Object>().Get("data").As<Napi::Object>()));
  }
  return true;
}

Napi::Value DescribeSession(Napi::Env env, uint32_t id, const Model& model) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("session", Napi::Number::New(env, id));
  result.Set("inputs", ToJs(env, model.inputs()));
  result.Set("outputs", ToJs(env, model.outputs()));
  return result;
}

Napi::Value HandOver(Napi::Env env, RunJob* job) {
  const std::vector<TensorSpec>& specs = job->model->outputs();
  Napi::Array results = Napi::Array::New(env, specs.size());
  for (const TensorView& fetch : job->fetches) job->results[fetch.index].reset();
  for (uint32_t i = 0; i < specs.size(); i++) {
    const size_t element_bytes = FindElementType(specs[i].type)->bytes;
    results.Set(i, HandOverOne(env, {job->model->runtime(), std::move(job->results[i])}, element_bytes));
  }
  return results;
}

}  // namespace sightline
