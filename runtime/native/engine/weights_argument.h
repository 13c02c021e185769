#pragma once

#include <napi.h>

#include <functional>

#include "engine/model.h"

namespace sightline {

using FileFinder = std::function<std::shared_ptr<MappedFile>(const Napi::Value& id)>;

/**
 * Fills in what a load's `weights` say: {file, tensors: {name, type, dims, offset, bytes}[]}. False when they
 * are there and not valid, or a tensor leaves the file or has more than its bytes.
 */
bool ReadWeights(const Napi::Value& load_options, const FileFinder& find, LoadOptions* options);

}  // namespace sightline
