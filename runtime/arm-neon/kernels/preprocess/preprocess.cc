#include "kernels/preprocess/preprocess.h"

#include "kernels/preprocess/reader.h"
#include "kernels/preprocess/writer.h"

namespace sightline {
namespace {

/** BT.601 luma of R, G, B. */
constexpr float kLuma[3] = {0.299f, 0.587f, 0.114f};

/** How a channel of the target comes about: one of the source's as it is, or a mix of all. */
struct Recipe {
  bool is_mix;
  size_t source;
  float m[4];
};

Recipe RecipeOf(const RawImage& source, TensorColor color, size_t c) {
  const bool is_bgr = source.format == PixelFormat::kBgr24;
  if (IsYcc(source.format) && color == TensorColor::kGray) {
    // Without chroma: as if it were in the middle of its range.
    const float* m = source.ycc[0];
    return {true, 0, {m[0], 0, 0, m[3] + 128 * (m[1] + m[2])}};
  }
  if (IsYcc(source.format)) {
    const float* m = source.ycc[color == TensorColor::kBgr ? 2 - c : c];
    return {true, 0, {m[0], m[1], m[2], m[3]}};
  }
  if (source.format == PixelFormat::kGray8) return {color != TensorColor::kGray, 0, {1, 0, 0, 0}};
  if (color == TensorColor::kGray) {
    return {true, 0, {kLuma[is_bgr ? 2 : 0], kLuma[1], kLuma[is_bgr ? 0 : 2], 0}};
  }
  return {false, is_bgr == (color == TensorColor::kBgr) ? c : 2 - c, {}};
}

/** The source's channels of the row, 0 to 255, one after the other; a lone one stands for all three. */
class Mixer {
 public:
  Mixer(const Reader& reader, const PreprocessOps& ops, size_t width)
      : reader_(reader), ops_(ops), width_(width), values_(reader.channels() * width) {}

  void Filter() {
    for (size_t c = 0; c < reader_.channels(); c++) reader_.Filter(c, {1, 0}, values_.data() + c * width_);
  }

  void Mix(const float* m, Affine affine, float* out) const {
    const float* a = values_.data();
    const size_t step = reader_.channels() == 1 ? 0 : width_;
    ops_.mix(a, a + step, a + 2 * step, m, width_, affine, out);
  }

 private:
  const Reader& reader_;
  const PreprocessOps& ops_;
  const size_t width_;
  std::vector<float> values_;
};

}  // namespace

void Preprocess(const PreprocessParams& params, const PreprocessOps& ops) {
  const TensorTarget& target = params.target;
  const size_t channels = TargetChannels(target);
  Recipe recipes[3]{};
  for (size_t c = 0; c < channels; c++) recipes[c] = RecipeOf(params.source, target.color, c);
  Reader reader(params, ops, target.color != TensorColor::kGray);
  Mixer mixer(reader, ops, target.place.width);
  Writer writer(target, ops);
  for (size_t y = 0; y < target.height; y++) {
    // Wraps around above the place.
    const size_t row = y - target.place.top;
    if (row >= target.place.height) {
      writer.Pad(y);
      continue;
    }
    reader.Read(row);
    if (recipes[0].is_mix) mixer.Filter();
    for (size_t c = 0; c < channels; c++) {
      if (recipes[c].is_mix) {
        mixer.Mix(recipes[c].m, target.factors[c], writer.Row(y, c));
      } else {
        reader.Filter(recipes[c].source, target.factors[c], writer.Row(y, c));
      }
    }
    writer.Finish(y);
  }
}

}  // namespace sightline
