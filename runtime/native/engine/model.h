#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/ort_runtime.h"
#include "memory/mapped_file.h"
#include "memory/tensor_arena.h"

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

/** A tensor that is used where it is mapped. `type` is ONNX's number. */
struct MappedTensor {
  std::string name;
  int type;
  std::vector<int64_t> dims;
  Span span;
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
  /** Null when none is mapped. */
  std::shared_ptr<MappedFile> weights;
  std::vector<MappedTensor> tensors;
  /** What the flight record calls it. */
  std::string label;
};

/** Ends a load from another thread. */
class LoadControl {
 public:
  void Cancel();
  bool cancelled() const { return cancelled_; }
  /** While the load goes on; null ends that. */
  void Attach(const OrtRuntime* runtime, OrtSessionOptions* options);

 private:
  std::mutex mutex_;
  std::atomic<bool> cancelled_{false};
  const OrtRuntime* runtime_ = nullptr;
  OrtSessionOptions* options_ = nullptr;
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
                                     const LoadOptions& options, LoadControl* control, Failure* failure);
  ~Model();

  const std::shared_ptr<OrtRuntime>& runtime() const { return runtime_; }
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }
  const std::string& label() const { return label_; }
  int64_t weights_bytes() const { return weights_bytes_; }
  int64_t activations_peak() const { return account_->peak() - weights_bytes_; }
  size_t mapped_bytes() const;

  /** Brings its mapped weights into memory, and lets them go. */
  void Prefetch() const;
  void LetGo() const;

  /**
   * Fills `results` with a value per output of the model; those that `fetches` name are written in place.
   * False and ERR_SESSION_RUN when ONNX Runtime refuses or was told to terminate, ERR_MODEL_DIGEST when its
   * mapped weights are no longer what was loaded.
   */
  bool Run(const OrtRunOptions* options, const std::vector<TensorView>& feeds,
           const std::vector<TensorView>& fetches, std::vector<OrtPtr<OrtValue>>* results,
           Failure* failure) const;

 private:
  Model(std::shared_ptr<OrtRuntime> runtime, const LoadOptions& options)
      : runtime_(std::move(runtime)),
        label_(options.label),
        weights_(options.weights),
        session_(runtime_->Own<OrtSession>(nullptr)) {}
  bool MapWeights(const std::vector<MappedTensor>& tensors, OrtSessionOptions* options, Failure* failure);
  bool ReadSpecs(Failure* failure);
  OrtPtr<OrtValue> Wrap(const TensorView& view, OrtElementType type, Failure* failure) const;

  const std::shared_ptr<OrtRuntime> runtime_;
  const std::string label_;
  /** What the session reads, so it goes last. */
  const std::shared_ptr<MappedFile> weights_;
  std::vector<Span> spans_;
  std::vector<OrtPtr<OrtValue>> initializers_;
  MemoryAccount* const account_ = new MemoryAccount;
  int64_t weights_bytes_ = 0;
  OrtPtr<OrtSession> session_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
};

}  // namespace sightline
