#include "engine/job.h"

#include <malloc.h>

namespace sightline {
namespace {

OrtPtr<OrtRunOptions> MakeRunOptions(const OrtRuntime& runtime, Failure* failure) {
  OrtRunOptions* raw = nullptr;
  if (!runtime.Succeeded(runtime.api.CreateRunOptions(&raw), "ERR_SESSION_RUN", failure)) return nullptr;
  OrtPtr<OrtRunOptions> options = runtime.Own(raw);
  runtime.Succeeded(runtime.api.RunOptionsSetRunLogSeverityLevel(raw, kOrtLogFatal), "ERR_SESSION_RUN", failure);
  return options;
}

}  // namespace

void LoadJob::Execute() {
  if (!control_.cancelled()) model = Model::Load(runtime_, source_, options_, &control_, &failure);
  if (!control_.cancelled()) return;
  model.reset();
  failure = {"ERR_SESSION_CANCELLED", "the load was cancelled"};
}

RunJob::RunJob(uint32_t ticket, std::shared_ptr<Model> model_given, std::vector<TensorView> feeds_given,
               std::vector<TensorView> fetches_given, bool let_go)
    : Job(ticket),
      model(std::move(model_given)),
      feeds(std::move(feeds_given)),
      fetches(std::move(fetches_given)),
      let_go_(let_go),
      options_(MakeRunOptions(*model->runtime(), &failure)) {}

void RunJob::Execute() {
  if (!failure) model->Run(options_.get(), feeds, fetches, &results, &failure);
  if (let_go_) model->LetGo();
  // Even a run that ended well just before: its caller has given up and been told so.
  if (cancelled_) failure = {"ERR_SESSION_CANCELLED", "the run was cancelled"};
}

void RunJob::Terminate() {
  cancelled_ = true;
  Failure ignored;
  if (options_) model->runtime()->Succeeded(model->runtime()->api.RunOptionsSetTerminate(options_.get()), "", &ignored);
}

void UnloadJob::Execute() {
  model_.reset();
  ArenaTrim();
  // glibc keeps what a model's many small tensors leave behind: 312 → 81 MB for a ResNet-50.
  malloc_trim(0);
}

}  // namespace sightline
