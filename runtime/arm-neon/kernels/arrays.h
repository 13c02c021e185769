#pragma once

#include <napi.h>

#include <cstring>
#include <vector>

namespace sightline {

/** A typed array with a copy of `values`. */
template <typename T>
Napi::Value ToArray(Napi::Env env, const std::vector<T>& values) {
  auto array = Napi::TypedArrayOf<T>::New(env, values.size());
  // Empty while a worker is being ended, when nothing can be made any more.
  if (!array.IsEmpty() && !values.empty())
    std::memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

}  // namespace sightline
