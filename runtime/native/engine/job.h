#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "engine/model.h"

namespace sightline {

/** Work for a slot's thread. Holds nothing of JavaScript's, so that any thread may drop it. */
class Job {
 public:
  explicit Job(uint32_t ticket) : ticket(ticket) {}
  virtual ~Job() = default;
  virtual void Execute() = 0;
  /** Asks a job under way to end early; from any thread. */
  virtual void Terminate() {}
  /** Whether a caller may take it out of the queue. */
  virtual bool cancellable() const { return true; }

  const uint32_t ticket;
  Failure failure;
};

class LoadJob final : public Job {
 public:
  LoadJob(uint32_t ticket, std::shared_ptr<OrtRuntime> runtime, ModelSource source, LoadOptions options)
      : Job(ticket), runtime_(std::move(runtime)), source_(std::move(source)), options_(std::move(options)) {}
  void Execute() override;
  void Terminate() override { control_.Cancel(); }

  std::shared_ptr<Model> model;

 private:
  LoadControl control_;
  const std::shared_ptr<OrtRuntime> runtime_;
  const ModelSource source_;
  const LoadOptions options_;
};

class RunJob final : public Job {
 public:
  RunJob(uint32_t ticket, std::shared_ptr<Model> model, std::vector<TensorView> feeds,
         std::vector<TensorView> fetches, bool let_go);
  void Execute() override;
  void Terminate() override;

  const std::shared_ptr<Model> model;
  const std::vector<TensorView> feeds;
  const std::vector<TensorView> fetches;
  std::vector<OrtPtr<OrtValue>> results;

 private:
  /** Whether the model's mapped weights go when it is through. */
  const bool let_go_;
  const OrtPtr<OrtRunOptions> options_;
  std::atomic<bool> cancelled_{false};
};

/** Maps a file of weights. */
class MapJob final : public Job {
 public:
  MapJob(uint32_t ticket, std::string path) : Job(ticket), path_(std::move(path)) {}
  void Execute() override { file = MappedFile::Open(path_, &failure); }

  std::shared_ptr<MappedFile> file;

 private:
  const std::string path_;
};

/** Reads a model's mapped weights in, ahead of a run. */
class PrefetchJob final : public Job {
 public:
  PrefetchJob(uint32_t ticket, std::shared_ptr<Model> model) : Job(ticket), model_(std::move(model)) {}
  void Execute() override { model_->Prefetch(); }

 private:
  const std::shared_ptr<Model> model_;
};

/** Frees a model that nobody runs any more, and gives the memory back to the system. */
class UnloadJob final : public Job {
 public:
  UnloadJob(uint32_t ticket, std::shared_ptr<Model> model) : Job(ticket), model_(std::move(model)) {}
  void Execute() override;
  bool cancellable() const override { return false; }

 private:
  std::shared_ptr<Model> model_;
};

}  // namespace sightline
