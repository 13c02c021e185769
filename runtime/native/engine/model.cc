#include "engine/model.h"

#include "engine/element_types.h"
#include "engine/flight_record.h"

namespace sightline {
namespace {

constexpr const char* kLoad = "ERR_MODEL_LOAD";
constexpr const char* kRun = "ERR_SESSION_RUN";

OrtPtr<OrtSessionOptions> MakeOptions(const OrtRuntime& runtime, const LoadOptions& wanted,
                                      Failure* failure) {
  const OrtApi& api = runtime.api;
  OrtSessionOptions* raw = nullptr;
  if (!runtime.Succeeded(api.CreateSessionOptions(&raw), kLoad, failure)) return nullptr;
  OrtPtr<OrtSessionOptions> options = runtime.Own(raw);
  const auto ok = [&](OrtStatus* status) { return runtime.Succeeded(status, kLoad, failure); };
  // Waiting threads must sleep: spinning costs a paced camera half a core and its neighbours as much again.
  const bool done = ok(api.SetIntraOpNumThreads(raw, wanted.intra_op_threads)) &&
                    ok(api.SetInterOpNumThreads(raw, 1)) && ok(api.SetSessionExecutionMode(raw, kOrtSequential)) &&
                    ok(api.SetSessionGraphOptimizationLevel(raw, wanted.optimization)) &&
                    ok(api.SetSessionLogSeverityLevel(raw, kOrtLogFatal)) &&
                    ok(api.AddSessionConfigEntry(raw, "session.intra_op.allow_spinning", "0")) &&
                    ok(api.AddSessionConfigEntry(raw, "session.use_env_allocators", "1"));
  if (!done) return nullptr;
  for (const auto& [key, value] : wanted.entries) {
    if (!ok(api.AddSessionConfigEntry(raw, key.c_str(), value.c_str()))) return nullptr;
  }
  const std::string& path = wanted.optimized_path;
  if (!path.empty() && !ok(api.SetOptimizedModelFilePath(raw, path.c_str()))) return nullptr;
  const std::string& prefix = wanted.profile_prefix;
  if (!prefix.empty() && !ok(api.EnableProfiling(raw, prefix.c_str()))) return nullptr;
  return options;
}

bool ReadType(const OrtRuntime& runtime, const OrtTypeInfo* type, TensorSpec* spec, Failure* failure) {
  const OrtApi& api = runtime.api;
  const auto ok = [&](OrtStatus* status) { return runtime.Succeeded(status, kLoad, failure); };
  const OrtTensorInfo* info = nullptr;
  if (!ok(api.CastTypeInfoToTensorInfo(type, &info))) return false;
  if (info != nullptr && !ok(api.GetTensorElementType(info, &spec->type))) return false;
  if (info == nullptr || FindElementType(spec->type) == nullptr) {
    *failure = {"ERR_MODEL_IO", "\"" + spec->name + "\" is not a tensor of a type that Sightline knows"};
    return false;
  }
  size_t rank = 0;
  if (!ok(api.GetDimensionsCount(info, &rank))) return false;
  spec->dims.resize(rank);
  return ok(api.GetDimensions(info, spec->dims.data(), rank));
}

}  // namespace

void LoadControl::Cancel() {
  std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  if (options_ == nullptr || !runtime_->cancels_loads) return;
  Failure ignored;
  runtime_->Succeeded(runtime_->api.SessionOptionsSetLoadCancellationFlag(options_, true), kLoad, &ignored);
}

void LoadControl::Attach(const OrtRuntime* runtime, OrtSessionOptions* options) {
  std::lock_guard<std::mutex> lock(mutex_);
  runtime_ = runtime;
  options_ = options;
}

std::unique_ptr<Model> Model::Load(std::shared_ptr<OrtRuntime> runtime, const ModelSource& source,
                                   const LoadOptions& wanted, LoadControl* control, Failure* failure) {
  const OrtApi& api = runtime->api;
  const Flight flight(kOpening, wanted.label);
  const OrtPtr<OrtSessionOptions> options = MakeOptions(*runtime, wanted, failure);
  if (!options) return nullptr;
  std::unique_ptr<Model> model(new Model(runtime, wanted));
  if (!model->MapWeights(wanted.tensors, options.get(), failure)) return nullptr;
  const AccountScope scope(model->account_, true);
  OrtSession* session = nullptr;
  control->Attach(runtime.get(), options.get());
  OrtStatus* status =
      source.data == nullptr
          ? api.CreateSession(runtime->env(), source.path.c_str(), options.get(), &session)
          : api.CreateSessionFromArray(runtime->env(), source.data, source.bytes, options.get(), &session);
  control->Attach(nullptr, nullptr);
  if (!runtime->Succeeded(status, kLoad, failure)) return nullptr;
  model->session_.reset(session);
  model->weights_bytes_ = model->account_->live();
  model->account_->ResetPeak();
  // What was read to be packed is not read again.
  model->LetGo();
  return model->ReadSpecs(failure) ? std::move(model) : nullptr;
}

Model::~Model() {
  session_.reset();
  account_->Release();
}

/** ONNX Runtime takes such tensors as they are, where it would copy, or map again, what its file names. */
bool Model::MapWeights(const std::vector<MappedTensor>& tensors, OrtSessionOptions* options,
                       Failure* failure) {
  for (const MappedTensor& tensor : tensors) {
    // It wants memory that may be written to, and does not write to initializers.
    char* data = const_cast<char*>(weights_->data()) + tensor.span.offset;
    OrtValue* value = nullptr;
    const bool made = runtime_->Succeeded(
        runtime_->api.CreateTensorWithDataAsOrtValue(runtime_->cpu(), data, tensor.span.bytes, tensor.dims.data(),
                                       tensor.dims.size(), static_cast<OrtElementType>(tensor.type), &value),
        kLoad, failure);
    if (!made) return false;
    initializers_.push_back(runtime_->Own(value));
    if (!runtime_->Succeeded(runtime_->api.AddInitializer(options, tensor.name.c_str(), value), kLoad,
                             failure)) {
      return false;
    }
    spans_.push_back(tensor.span);
  }
  return true;
}

size_t Model::mapped_bytes() const {
  size_t bytes = 0;
  for (const Span& span : spans_) bytes += span.bytes;
  return bytes;
}

void Model::Prefetch() const {
  for (const Span& span : spans_) weights_->Prefetch(span);
}

void Model::LetGo() const {
  for (const Span& span : spans_) weights_->LetGo(span);
}

bool Model::ReadSpecs(Failure* failure) {
  const OrtApi& api = runtime_->api;
  const OrtSession* session = session_.get();
  const auto ok = [&](OrtStatus* status) { return runtime_->Succeeded(status, kLoad, failure); };
  const auto read = [&](const auto& count_of, const auto& name_of, const auto& type_of,
                        std::vector<TensorSpec>* specs) {
    size_t count = 0;
    if (!ok(count_of(session, &count))) return false;
    specs->resize(count);
    for (size_t i = 0; i < count; i++) {
      char* name = nullptr;
      if (!ok(name_of(session, i, runtime_->allocator(), &name))) return false;
      (*specs)[i].name = name;
      if (!ok(api.AllocatorFree(runtime_->allocator(), name))) return false;
      OrtTypeInfo* type = nullptr;
      if (!ok(type_of(session, i, &type))) return false;
      if (!ReadType(*runtime_, runtime_->Own(type).get(), &(*specs)[i], failure)) return false;
    }
    return true;
  };
  return read(api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo, &inputs_) &&
         read(api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo, &outputs_);
}

OrtPtr<OrtValue> Model::Wrap(const TensorView& view, OrtElementType type, Failure* failure) const {
  // ONNX Runtime wants an address even where there is nothing to read.
  static char nothing;
  void* data = view.bytes == 0 ? &nothing : view.data;
  OrtValue* value = nullptr;
  runtime_->Succeeded(runtime_->api.CreateTensorWithDataAsOrtValue(runtime_->cpu(), data, view.bytes, view.dims.data(),
                                                     view.dims.size(), type, &value),
                      kRun, failure);
  return runtime_->Own(value);
}

bool Model::Run(const OrtRunOptions* options, const std::vector<TensorView>& feeds,
                const std::vector<TensorView>& fetches, std::vector<OrtPtr<OrtValue>>* results,
                Failure* failure) const {
  const Flight flight(kRunning, label_);
  const AccountScope scope(account_, false);
  std::vector<const char*> input_names, output_names;
  std::vector<OrtPtr<OrtValue>> inputs;
  for (const TensorView& feed : feeds) {
    input_names.push_back(inputs_[feed.index].name.c_str());
    inputs.push_back(Wrap(feed, inputs_[feed.index].type, failure));
    if (!inputs.back()) return false;
  }
  for (const TensorSpec& output : outputs_) {
    output_names.push_back(output.name.c_str());
    results->push_back(runtime_->Own<OrtValue>(nullptr));
  }
  for (const TensorView& fetch : fetches) {
    (*results)[fetch.index] = Wrap(fetch, outputs_[fetch.index].type, failure);
    if (!(*results)[fetch.index]) return false;
  }
  std::vector<const OrtValue*> raw_inputs;
  std::vector<OrtValue*> raw_outputs;
  for (const auto& value : inputs) raw_inputs.push_back(value.get());
  for (const auto& value : *results) raw_outputs.push_back(value.get());
  OrtStatus* status =
      runtime_->api.Run(session_.get(), options, input_names.data(), raw_inputs.data(), raw_inputs.size(),
                        output_names.data(), output_names.size(), raw_outputs.data());
  for (size_t i = 0; i < results->size(); i++) {
    if (!(*results)[i]) (*results)[i] = runtime_->Own(raw_outputs[i]);
  }
  if (!runtime_->Succeeded(status, kRun, failure)) return false;
  if (weights_ == nullptr || weights_->Intact()) return true;
  *failure = {"ERR_MODEL_DIGEST", "the file of weights changed while the model was in use"};
  return false;
}

}  // namespace sightline
