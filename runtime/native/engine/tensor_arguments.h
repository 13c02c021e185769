#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/job.h"

namespace sightline {

/**
 * Reads `{index, dims, data}[]` against a model's inputs or outputs: the index exists, the typed array is of
 * the right class, and its length equals the product of dims. Every array read is added to `held`.
 */
bool ReadTensors(const Napi::Value& list, const std::vector<TensorSpec>& specs,
                 std::vector<TensorView>* tensors, std::vector<Napi::ObjectReference>* held,
                 std::string* problem);

/** `{session, inputs, outputs}` with `{name, dtype, dims}` each. */
Napi::Value DescribeSession(Napi::Env env, uint32_t id, const Model& model);

/** An array with null for each output that was written in place, else `{dims, buffer}` without a copy. */
Napi::Value HandOver(Napi::Env env, RunJob* job);

}  // namespace sightline
