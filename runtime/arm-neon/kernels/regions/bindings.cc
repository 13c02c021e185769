#include "kernels/binding.h"

#include "kernels/arrays.h"
#include "kernels/regions/regions.h"
#include "kernels/values_argument.h"

namespace sightline {
namespace {

constexpr const char* kName = "regions";
constexpr size_t kMaxSide = 1 << 16, kMaxLimit = 1 << 20;

/** Areas are 32 bits wide. */
constexpr size_t kMaxPixels = UINT32_MAX;

Failure ReadOptions(const Napi::Value& value, RegionsParams* params, std::optional<double>* threshold) {
  if (!value.IsObject()) return RefuseArgument(kName, "options must be an object");
  const auto options = value.As<Napi::Object>();
  const auto width = ReadSize(options.Get("width"), 1, kMaxSide);
  const auto height = ReadSize(options.Get("height"), 1, kMaxSide);
  if (!width || !height || *width * *height > kMaxPixels) {
    return RefuseArgument(kName, "width and height must be 1 to 65536 and make less than 2^32 pixels");
  }
  const auto connectivity = ReadSize(options.Get("connectivity"), 4, 8);
  if (!connectivity || (*connectivity != 4 && *connectivity != 8)) {
    return RefuseArgument(kName, "connectivity must be 4 or 8");
  }
  const auto limit = ReadSize(options.Get("limit"), 1, kMaxLimit);
  if (!limit) return RefuseArgument(kName, "limit must be 1 to 2^20");
  params->width = *width;
  params->height = *height;
  params->has_diagonals = *connectivity == 8;
  params->limit = *limit;
  const Napi::Value given = options.Get("threshold");
  if (!given.IsEmpty() && given.IsUndefined()) return {};
  *threshold = ReadThreshold(given);
  return *threshold ? Failure{} : RefuseArgument(kName, "threshold must be a number");
}

Failure ReadImage(const Napi::Value& value, const std::optional<double>& threshold, RegionsParams* params) {
  const auto image = ReadArray(value);
  const bool is_map = image && image->type == napi_float32_array;
  if (!is_map && !(image && image->type == napi_uint8_array)) {
    return RefuseArgument(kName, "image must be a Float32Array or a Uint8Array");
  }
  if (is_map != threshold.has_value()) {
    return RefuseArgument(kName, is_map ? "threshold must be a number" : "a mask takes no threshold");
  }
  if (image->bytes / (is_map ? sizeof(float) : 1) != params->width * params->height) {
    return RefuseArgument(kName, "image must be [height, width]");
  }
  if (is_map) params->least = LeastFloat(*threshold);
  if (is_map) params->map = static_cast<const float*>(image->data);
  if (!is_map) params->mask = static_cast<const uint8_t*>(image->data);
  return {};
}

/** In columns. */
Napi::Value ToObject(Napi::Env env, const std::vector<Region>& regions) {
  std::vector<uint8_t> class_ids;
  std::vector<uint32_t> areas, boxes;
  std::vector<float> peaks;
  std::vector<double> centroids;
  for (const Region& region : regions) {
    class_ids.push_back(region.class_id);
    areas.push_back(region.area);
    boxes.insert(boxes.end(), {region.left, region.top, region.right, region.bottom});
    peaks.push_back(region.peak);
    for (const uint64_t sum : {region.x_sum, region.y_sum}) {
      centroids.push_back(static_cast<double>(sum) / region.area + 0.5);
    }
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("classIds", ToArray(env, class_ids));
  object.Set("areas", ToArray(env, areas));
  object.Set("boxes", ToArray(env, boxes));
  object.Set("peaks", ToArray(env, peaks));
  object.Set("centroids", ToArray(env, centroids));
  return object;
}


/** regions(image: Float32Array | Uint8Array, options) → {classIds, areas, boxes, peaks, centroids}; see
 * regions.ts. */
Failure ParseRegions(const Napi::CallbackInfo& info, Features features, Call* call) {
  RegionsParams params{};
  std::optional<double> threshold;
  if (const Failure failure = ReadOptions(info[1], &params, &threshold)) return failure;
  if (const Failure failure = ReadImage(info[0], threshold, &params)) return failure;
  call->arrays = {info[0].As<Napi::Object>()};
  const auto regions = std::make_shared<std::vector<Region>>();
  const ScoresOps& scores_ops = Select(kScoresVariants, features);
  call->work = [params, regions, &scores_ops, &ops = Select(kRegionsVariants, features)] {
    *regions = FindRegions(params, scores_ops, ops);
  };
  call->result = [regions](Napi::Env env) { return ToObject(env, *regions); };
  return {};
}

}  // namespace

const KernelBinding kRegionsKernel{"regions", NamesOf(kRegionsVariants), {{"regions", ParseRegions}}};

}  // namespace sightline
