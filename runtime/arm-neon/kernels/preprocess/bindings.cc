#include "kernels/binding.h"

#include <cmath>
#include <optional>

#include "kernels/preprocess/preprocess.h"

namespace sightline {
namespace {

constexpr int64_t kMaxSide = 1 << 16;
constexpr int64_t kMaxStride = 1 << 24;
constexpr int64_t kMaxElements = int64_t{1} << 40;

Failure Refuse(const std::string& problem) {
  return {"ERR_ADDON_ARGUMENT", "preprocess: " + problem};
}

/** Which of `names` the text is; nothing when it is none of them. */
template <typename Enum, size_t kCount>
std::optional<Enum> ReadName(const Napi::Value& value, const char* const (&names)[kCount]) {
  if (value.IsEmpty() || !value.IsString()) return std::nullopt;
  const std::string text = value.As<Napi::String>();
  for (size_t i = 0; i < kCount; i++) {
    if (text == names[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

bool ReadSize(const Napi::Object& object, const char* key, int64_t low, size_t* size) {
  const auto number = ReadInteger(object.Get(key), low, kMaxSide);
  if (number) *size = static_cast<size_t>(*number);
  return number.has_value();
}

/** A rectangle that lies within width × height. */
bool ReadRect(const Napi::Value& value, size_t width, size_t height, Rect* rect) {
  if (value.IsEmpty() || !value.IsObject()) return false;
  const auto object = value.As<Napi::Object>();
  return ReadSize(object, "left", 0, &rect->left) && ReadSize(object, "top", 0, &rect->top) &&
         ReadSize(object, "width", 1, &rect->width) && ReadSize(object, "height", 1, &rect->height) &&
         rect->left + rect->width <= width && rect->top + rect->height <= height;
}

bool ReadPlanes(const Napi::Value& value, RawImage* image) {
  if (value.IsEmpty() || !value.IsArray()) return false;
  const auto list = value.As<Napi::Array>();
  const size_t count = PlaneCount(image->format);
  if (list.Length() != count) return false;
  for (uint32_t i = 0; i < count; i++) {
    const Napi::Value entry = list.Get(i);
    if (entry.IsEmpty() || !entry.IsObject()) return false;
    const auto offset = ReadInteger(entry.As<Napi::Object>().Get("offset"), 0, kMaxBytes);
    const auto stride = ReadInteger(entry.As<Napi::Object>().Get("stride"), 1, kMaxStride);
    if (!offset || !stride) return false;
    image->planes[i] = {static_cast<size_t>(*offset), static_cast<size_t>(*stride)};
    if (image->planes[i].stride < RowBytes(image->format, i, image->width)) return false;
  }
  return true;
}

Failure ReadSource(const Napi::Value& value, RawImage* image) {
  static constexpr const char* kFormats[] = {"gray8", "rgb24", "bgr24", "nv12", "i420", "yuyv"};
  static constexpr const char* kMatrices[] = {"bt601", "bt709"};
  static constexpr const char* kRanges[] = {"limited", "full"};
  if (value.IsEmpty() || !value.IsObject()) return Refuse("source must be an object");
  const auto object = value.As<Napi::Object>();
  const auto format = ReadName<PixelFormat>(object.Get("format"), kFormats);
  if (!format) return Refuse("source.format must be gray8, rgb24, bgr24, nv12, i420 or yuyv");
  image->format = *format;
  if (!ReadSize(object, "width", 1, &image->width) || !ReadSize(object, "height", 1, &image->height)) {
    return Refuse("source.width and source.height must be 1 to 65536");
  }
  if (!ReadPlanes(object.Get("planes"), image)) {
    return Refuse("source.planes must have an offset and a stride of a row or more for each plane");
  }
  const auto matrix = ReadName<YccMatrix>(object.Get("matrix"), kMatrices);
  const auto range = ReadName<YccRange>(object.Get("range"), kRanges);
  if (IsYcc(*format) && !(matrix && range)) {
    return Refuse("source.matrix must be bt601 or bt709, source.range limited or full");
  }
  if (IsYcc(*format)) FillYcc(*matrix, *range, image->ycc);
  return {};
}

bool ReadFactors(const Napi::Value& value, Affine (&factors)[3], float Affine::*member) {
  if (value.IsEmpty() || !value.IsArray()) return false;
  const auto list = value.As<Napi::Array>();
  if (list.Length() != 3) return false;
  for (uint32_t c = 0; c < 3; c++) {
    const auto factor = ReadNumber(list.Get(c));
    if (!factor || !std::isfinite(static_cast<float>(*factor))) return false;
    factors[c].*member = static_cast<float>(*factor);
  }
  return true;
}

Failure ReadTarget(const Napi::Value& value, TensorTarget* target) {
  static constexpr const char* kColors[] = {"gray", "rgb", "bgr"};
  static constexpr const char* kLayouts[] = {"NHWC", "NCHW"};
  if (value.IsEmpty() || !value.IsObject()) return Refuse("target must be an object");
  const auto object = value.As<Napi::Object>();
  if (!ReadSize(object, "width", 1, &target->width) || !ReadSize(object, "height", 1, &target->height)) {
    return Refuse("target.width and target.height must be 1 to 65536");
  }
  const auto color = ReadName<TensorColor>(object.Get("color"), kColors);
  const auto layout = ReadName<int>(object.Get("layout"), kLayouts);
  if (!color || !layout) return Refuse("target.color must be gray, rgb or bgr, target.layout NCHW or NHWC");
  target->color = *color;
  target->planar = *layout == 1;
  if (!ReadRect(object.Get("place"), target->width, target->height, &target->place)) {
    return Refuse("target.place must lie within the target");
  }
  const auto pad = ReadNumber(object.Get("pad"));
  if (!pad || *pad < 0 || *pad > 255) return Refuse("target.pad must be 0 to 255");
  target->pad = static_cast<float>(*pad);
  if (!ReadFactors(object.Get("scale"), target->factors, &Affine::scale) ||
      !ReadFactors(object.Get("offset"), target->factors, &Affine::offset)) {
    return Refuse("target.scale and target.offset must be three float32 numbers each");
  }
  return {};
}

Failure ReadOptions(const Napi::Value& value, PreprocessParams* params) {
  if (!value.IsObject()) return Refuse("options must be an object");
  const auto options = value.As<Napi::Object>();
  if (const Failure failure = ReadSource(options.Get("source"), &params->source)) return failure;
  if (!ReadRect(options.Get("crop"), params->source.width, params->source.height, &params->crop)) {
    return Refuse("crop must lie within the source");
  }
  return ReadTarget(options.Get("target"), &params->target);
}

Failure ReadPixels(const Napi::Value& value, RawImage* image) {
  const auto pixels = ReadArray(value);
  if (!pixels || pixels->type != napi_uint8_array) return Refuse("pixels must be a Uint8Array");
  for (size_t i = 0; i < PlaneCount(image->format); i++) {
    const Plane& plane = image->planes[i];
    const size_t rows = RowCount(image->format, i, image->height);
    const size_t end = plane.offset + (rows - 1) * plane.stride + RowBytes(image->format, i, image->width);
    if (end > pixels->bytes) return Refuse("pixels ends before the last row");
  }
  image->data = static_cast<const uint8_t*>(pixels->data);
  return {};
}

Failure ReadTensor(const Napi::Value& value, int64_t start, TensorTarget* target) {
  const auto tensor = ReadArray(value);
  size_t element_bytes = 1;
  if (tensor && tensor->type == napi_float32_array) {
    target->type = TensorType::kFloat32;
    element_bytes = sizeof(float);
  } else if (tensor && tensor->type == napi_uint8_array) {
    target->type = TensorType::kUint8;
  } else if (tensor && tensor->type == napi_int8_array) {
    target->type = TensorType::kInt8;
  } else {
    return Refuse("tensor must be a Float32Array, Uint8Array or Int8Array");
  }
  const size_t room = tensor->bytes / element_bytes, first = static_cast<size_t>(start);
  const size_t wanted = target->width * target->height * TargetChannels(*target);
  if (first > room || room - first < wanted) return Refuse("tensor is too small");
  target->data = static_cast<uint8_t*>(tensor->data) + first * element_bytes;
  return {};
}


/** preprocess(pixels: Uint8Array, options, tensor: Float32Array | Uint8Array | Int8Array, start); see
 * kernels.ts. */
Failure ParsePreprocess(const Napi::CallbackInfo& info, Features features, Call* call) {
  PreprocessParams params{};
  if (const Failure failure = ReadOptions(info[1], &params)) return failure;
  const auto start = ReadInteger(info[3], 0, kMaxElements);
  if (!start) return Refuse("start must be a whole number");
  if (const Failure failure = ReadPixels(info[0], &params.source)) return failure;
  if (const Failure failure = ReadTensor(info[2], *start, &params.target)) return failure;
  call->arrays = {info[0].As<Napi::Object>(), info[2].As<Napi::Object>()};
  call->work = [params, &ops = Select(kPreprocessVariants, features)] { Preprocess(params, ops); };
  return {};
}

}  // namespace

const KernelBinding kPreprocessKernel{"preprocess",
                                      NamesOf(kPreprocessVariants),
                                      {{"preprocess", ParsePreprocess}}};

}  // namespace sightline
