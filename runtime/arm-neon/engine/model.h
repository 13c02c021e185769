#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/ort_runtime.h"

namespace sightline {

/** Name, type and shape of a model's input or output; -1 stands for a dimension known only at run time. */
struct TensorSpec {
  std::string name;
  OrtElementType type;
  std::vector<int64_t> dims;
};

/** Where a model comes from: a file, or bytes that stay in place until loading ends. */
struct ModelSource {
  std::string path;
  const void* data = nullptr;
  size_t bytes = 0;
};

struct LoadOptions {
  int intra_op_threads = 1;
  /** How much ONNX Runtime may rewrite the graph. */
  OrtGraphOptimization optimization = kOrtOptimizeAll;
  /** Where it writes the graph that it made; empty: nowhere. */
  std::string optimized_path;
  /** Begin of the name of a profile that is written at the unload; empty: none. */
  std::string profile_prefix;
  /** Configuration entries by ONNX Runtime's own names. */
  std::vector<std::pair<std::string, std::string>> entries;
};

/** A tensor over memory that somebody else keeps alive. */
struct TensorView {
  size_t index;
  void* data;
  size_t bytes;
  std::vector<int64_t> dims;
};

/** A loaded model. `Run` may be called from several threads at once. */
class Model {
 public:
  /** Blocks for as long as ONNX Runtime takes. Errors: ERR_MODEL_MISSING, ERR_MODEL_LOAD, ERR_MODEL_IO. */
  static std::unique_ptr<Model> Load(std::shared_ptr<OrtRuntime> runtime, const ModelSource& source,
                                     const LoadOptions& options, Failure* failure);

  const std::shared_ptr<OrtRuntime>& runtime() const { return runtime_; }
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }

  /**
   * Fills `results` with a value per output of the model; those that `fetches` name are written in place.
   * False and ERR_SESSION_RUN when ONNX Runtime refuses or was told to terminate.
   */
  bool Run(const OrtRunOptions* options, const std::vector<TensorView>& feeds,
           const std::vector<TensorView>& fetches, std::vector<OrtPtr<OrtValue>>* results,
           Failure* failure) const;

 private:
  Model(std::shared_ptr<OrtRuntime> runtime, OrtSession* session)
      : runtime_(std::move(runtime)), session_(runtime_->Own(session)) {}
  bool ReadSpecs(Failure* failure);
  OrtPtr<OrtValue> Wrap(const TensorView& view, OrtElementType type, Failure* failure) const;

  const std::shared_ptr<OrtRuntime> runtime_;
  const OrtPtr<OrtSession> session_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
};

}  // namespace sightline
