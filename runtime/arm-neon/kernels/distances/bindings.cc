#include "kernels/binding.h"

#include <cmath>
#include <string>

#include "kernels/distances/distances.h"

namespace sightline {
namespace {

/** Indices may be held in an Int32Array. */
constexpr int64_t kMaxBank = INT32_MAX;

struct Options {
  Metric metric;
  size_t size, k;
  double scale;
};

/** The four arrays: the caller's objects, then their memory. */
struct Arrays {
  Napi::Value queries, bank, indices, distances;
};
struct Views {
  ArrayView queries, bank, indices, distances;
};

Failure Refuse(const std::string& problem) {
  return {"ERR_ADDON_ARGUMENT", "distances: " + problem};
}

Failure ReadOptions(const Napi::Value& value, Options* options) {
  if (!value.IsObject()) return Refuse("options must be an object");
  const auto object = value.As<Napi::Object>();
  const Napi::Value metric = object.Get("metric");
  const std::string name =
      metric.IsEmpty() || !metric.IsString() ? std::string() : metric.As<Napi::String>().Utf8Value();
  if (name != "squared_l2" && name != "cosine") return Refuse("options.metric must be squared_l2 or cosine");
  const auto size = ReadInteger(object.Get("size"), 1, kMaxVectorSize);
  if (!size) return Refuse("options.size must be 1 to 65536");
  const auto k = ReadInteger(object.Get("k"), 1, kMaxBank);
  if (!k) return Refuse("options.k must be a whole number of 1 or more");
  const Napi::Value given = object.Get("scale");
  const bool has_scale = !given.IsEmpty() && !given.IsUndefined();
  const auto scale = has_scale ? ReadNumber(given) : std::optional<double>(1);
  if (!scale || !(*scale > 0) || !std::isfinite(static_cast<float>(*scale))) {
    return Refuse("options.scale must be a positive float32 number");
  }
  *options = {name == "cosine" ? Metric::kCosine : Metric::kSquaredL2, static_cast<size_t>(*size),
              static_cast<size_t>(*k), *scale};
  return {};
}

Failure ReadViews(const Arrays& arrays, Views* views) {
  const auto queries = ReadArray(arrays.queries), bank = ReadArray(arrays.bank);
  if (!queries || (queries->type != napi_float32_array && queries->type != napi_int8_array)) {
    return Refuse("queries must be a Float32Array or an Int8Array");
  }
  if (!bank || bank->type != queries->type) return Refuse("bank must be an array of the queries' type");
  const auto indices = ReadArray(arrays.indices), distances = ReadArray(arrays.distances);
  if (!indices || (indices->type != napi_uint32_array && indices->type != napi_int32_array)) {
    return Refuse("neighbours.indices must be a Uint32Array or an Int32Array");
  }
  if (!distances || distances->type != napi_float32_array) {
    return Refuse("neighbours.distances must be a Float32Array");
  }
  *views = {*queries, *bank, *indices, *distances};
  return {};
}

template <typename Element>
Failure Prepare(const Options& options, const Views& views, Features features, Call* call) {
  const size_t vector_bytes = options.size * sizeof(Element);
  if (views.queries.bytes % vector_bytes != 0) return Refuse("queries must be whole vectors of options.size");
  if (views.bank.bytes % vector_bytes != 0) return Refuse("bank must be whole vectors of options.size");
  const size_t query_count = views.queries.bytes / vector_bytes, bank_count = views.bank.bytes / vector_bytes;
  if (bank_count > static_cast<size_t>(kMaxBank)) return Refuse("bank must have fewer than 2^31 vectors");
  if (options.k > bank_count) return Refuse("options.k must be at most the number of vectors in bank");
  const auto is_too_small = [&](size_t bytes) { return bytes / sizeof(float) / options.k < query_count; };
  if (is_too_small(views.indices.bytes))
    return Refuse("neighbours.indices must have k places for each query");
  if (is_too_small(views.distances.bytes)) {
    return Refuse("neighbours.distances must have k places for each query");
  }
  const DistancesParams<Element> params{options.metric,
                                        options.size,
                                        options.k,
                                        options.scale,
                                        static_cast<const Element*>(views.queries.data),
                                        query_count,
                                        static_cast<const Element*>(views.bank.data),
                                        bank_count,
                                        static_cast<uint32_t*>(views.indices.data),
                                        static_cast<float*>(views.distances.data)};
  call->work = [params, &ops = Select(kDistancesVariants, features)] { Distances(params, ops); };
  return {};
}


/** distances(queries, bank, options, neighbours); see distances.ts. */
Failure ParseDistances(const Napi::CallbackInfo& info, Features features, Call* call) {
  Options options{};
  if (const Failure failure = ReadOptions(info[2], &options)) return failure;
  if (!info[3].IsObject()) return Refuse("neighbours must be an object");
  const auto neighbours = info[3].As<Napi::Object>();
  const Arrays arrays{info[0], info[1], neighbours.Get("indices"), neighbours.Get("distances")};
  Views views{};
  if (const Failure failure = ReadViews(arrays, &views)) return failure;
  call->arrays = {arrays.queries.As<Napi::Object>(), arrays.bank.As<Napi::Object>(),
                  arrays.indices.As<Napi::Object>(), arrays.distances.As<Napi::Object>()};
  return views.queries.type == napi_int8_array ? Prepare<int8_t>(options, views, features, call)
                                               : Prepare<float>(options, views, features, call);
}

}  // namespace

const KernelBinding kDistancesKernel{"distances",
                                     NamesOf(kDistancesVariants),
                                     {{"distances", ParseDistances}}};

}  // namespace sightline
