#include "kernels/workload.h"

#include <memory>

#include "kernels/preprocess/preprocess.h"

namespace sightline {
namespace {

/** A whole frame, letterboxed into a square planar float32 tensor of RGB. */
struct Job {
  std::vector<uint8_t> pixels;
  std::vector<float> tensor;
  PreprocessParams params{};
};

std::shared_ptr<Job> MakeJob(PixelFormat format, size_t width, size_t height, size_t side) {
  auto job = std::make_shared<Job>();
  RawImage& source = job->params.source;
  source = {format, width, height, nullptr, {}, {}};
  size_t end = 0;
  for (size_t i = 0; i < PlaneCount(format); i++) {
    source.planes[i] = {end, RowBytes(format, i, width)};
    end += source.planes[i].stride * RowCount(format, i, height);
  }
  FillYcc(YccMatrix::kBt709, YccRange::kLimited, source.ycc);
  job->pixels.resize(end);
  for (size_t i = 0; i < end; i++) job->pixels[i] = static_cast<uint8_t>(i * 7 + i / 61);
  source.data = job->pixels.data();
  job->params.crop = {0, 0, width, height};
  const size_t place_height = side * height / width;
  job->tensor.resize(side * side * 3);
  constexpr float kScale = 1.0f / 255;
  job->params.target = {TensorType::kFloat32,
                        TensorColor::kRgb,
                        true,
                        side,
                        side,
                        {0, (side - place_height) / 2, side, place_height},
                        114,
                        {{kScale, 0}, {kScale, 0}, {kScale, 0}},
                        job->tensor.data()};
  return job;
}

Workload Of(const char* name, PixelFormat format, size_t width, size_t height, size_t side) {
  auto job = MakeJob(format, width, height, side);
  return MakeWorkload<PreprocessOps>(std::string("preprocess/") + name, side * side, "pixel",
                                     kPreprocessVariants,
                                     [job](const PreprocessOps& ops) { Preprocess(job->params, ops); });
}

}  // namespace

std::vector<Workload> PreprocessWorkloads() {
  return {
      Of("1080p-rgb-640", PixelFormat::kRgb24, 1920, 1080, 640),
      Of("1080p-nv12-640", PixelFormat::kNv12, 1920, 1080, 640),
      Of("1080p-nv12-224", PixelFormat::kNv12, 1920, 1080, 224),
      Of("640-rgb-640", PixelFormat::kRgb24, 640, 640, 640),
  };
}

}  // namespace sightline
