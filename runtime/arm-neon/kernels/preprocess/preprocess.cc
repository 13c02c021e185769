#include "kernels/preprocess/preprocess.h"

#include <algorithm>
#include <cstring>

#include "kernels/preprocess/taps.h"

namespace sightline {
namespace {

using ByteRow = std::vector<uint8_t>;
using SampleRow = std::vector<uint16_t>;
using FloatRow = std::vector<float>;

/** BT.601 luma of R, G, B. */
constexpr float kLuma[3] = {0.299f, 0.587f, 0.114f};

/** One kind of sample (red, luma, …) along a row of the crop. */
struct Channel {
  Taps taps;
  bool identity;
  /** Blended samples of the crop, with room behind them for what taps of weight 0 read. */
  SampleRow samples;
  FloatRow values;
};

Channel MakeChannel(double start, double extent, size_t size, size_t outputs) {
  Channel channel{MakeTaps(start, extent, size, outputs, kTapStep), false, {}, FloatRow(outputs)};
  // Samples begin at the crop, not at the plane's edge.
  const auto first = static_cast<uint32_t>(start);
  for (uint32_t& tap : channel.taps.first) tap -= first;
  channel.identity = IsIdentity(channel.taps);
  const size_t samples = static_cast<size_t>(start + extent + 0.5) - first;
  channel.samples.resize(samples + channel.taps.count);
  return channel;
}

/** The rows of one plane of the source, blended vertically. */
class Band {
 public:
  /** `pixels` of the image share a group of `group_bytes` in each direction named. */
  Band(const PreprocessParams& p, size_t plane, size_t group_bytes, size_t across, size_t down)
      : size_(RowCount(p.source.format, plane, p.source.height)), stride_(p.source.planes[plane].stride) {
    const size_t first = p.crop.left / across;
    groups_ = (p.crop.left + p.crop.width + across - 1) / across - first;
    bytes_ = groups_ * group_bytes;
    data_ = p.source.data + p.source.planes[plane].offset + first * group_bytes;
    const auto scale = static_cast<double>(down);
    taps_ = MakeTaps(static_cast<double>(p.crop.top) / scale, static_cast<double>(p.crop.height) / scale,
                     size_, p.target.place.height, 2);
    rows_.resize(taps_.count);
  }

  size_t groups() const { return groups_; }
  size_t bytes() const { return bytes_; }

  void Blend(const PreprocessOps& ops, size_t y, uint16_t* out) {
    for (size_t t = 0; t < taps_.count; t++) {
      // Taps of weight 0 may lie behind the last row.
      rows_[t] = data_ + std::min<size_t>(taps_.first[y] + t, size_ - 1) * stride_;
    }
    ops.blend(rows_.data(), &taps_.weights[y * taps_.count], taps_.count, bytes_, out);
  }

 private:
  size_t size_, stride_, groups_, bytes_;
  const uint8_t* data_;
  Taps taps_;
  std::vector<const uint8_t*> rows_;
};

/** Reads one row of the place at a time, as channels of floats from 0 to 255, in the source's own colours. */
class Reader {
 public:
  Reader(const PreprocessParams& p, const PreprocessOps& ops, bool needs_chroma)
      : ops_(ops), format_(p.source.format) {
    const bool has_chroma = IsYcc(format_) && needs_chroma;
    const size_t channels = format_ == PixelFormat::kGray8 || (IsYcc(format_) && !has_chroma) ? 1 : 3;
    for (size_t c = 0; c < channels; c++) {
      const size_t across = IsYcc(format_) && c > 0 ? 2 : 1;
      const auto scale = static_cast<double>(across);
      channels_.push_back(MakeChannel(static_cast<double>(p.crop.left) / scale,
                                      static_cast<double>(p.crop.width) / scale,
                                      (p.source.width + across - 1) / across, p.target.place.width));
    }
    switch (format_) {
      case PixelFormat::kYuyv:
        bands_.emplace_back(p, 0, 4, 2, 1);
        break;
      case PixelFormat::kRgb24:
      case PixelFormat::kBgr24:
        bands_.emplace_back(p, 0, 3, 1, 1);
        break;
      default:
        bands_.emplace_back(p, 0, 1, 1, 1);
        if (has_chroma && format_ == PixelFormat::kNv12) bands_.emplace_back(p, 1, 2, 2, 2);
        if (has_chroma && format_ == PixelFormat::kI420) bands_.emplace_back(p, 1, 1, 2, 2);
        if (has_chroma && format_ == PixelFormat::kI420) bands_.emplace_back(p, 2, 1, 2, 2);
    }
    for (const Band& band : bands_) packed_.resize(std::max(packed_.size(), band.bytes()));
    // A group of YUYV is two pixels: a crop at an odd column begins within one.
    luma_skip_ = format_ == PixelFormat::kYuyv ? p.crop.left % 2 : 0;
    if (format_ == PixelFormat::kYuyv) {
      luma_.resize(bands_[0].groups() * 2 + channels_[0].taps.count);
      chroma_.resize(bands_[0].groups() * 2);
    }
  }

  const float* channel(size_t c) const { return channels_[c].values.data(); }

  void Read(size_t y) {
    const uint16_t* luma = nullptr;
    switch (format_) {
      case PixelFormat::kRgb24:
      case PixelFormat::kBgr24:
        bands_[0].Blend(ops_, y, packed_.data());
        ops_.split3(packed_.data(), bands_[0].groups(), samples(0), samples(1), samples(2));
        break;
      case PixelFormat::kYuyv:
        bands_[0].Blend(ops_, y, packed_.data());
        ops_.split2(packed_.data(), bands_[0].groups() * 2, luma_.data(), chroma_.data());
        if (channels_.size() == 3) ops_.split2(chroma_.data(), bands_[0].groups(), samples(1), samples(2));
        luma = luma_.data() + luma_skip_;
        break;
      default:
        bands_[0].Blend(ops_, y, samples(0));
        if (channels_.size() == 3) ReadChroma(y);
    }
    for (size_t c = 0; c < channels_.size(); c++) Filter(&channels_[c], c == 0 && luma ? luma : samples(c));
  }

 private:
  uint16_t* samples(size_t c) { return channels_[c].samples.data(); }

  void ReadChroma(size_t y) {
    if (format_ == PixelFormat::kNv12) {
      bands_[1].Blend(ops_, y, packed_.data());
      ops_.split2(packed_.data(), bands_[1].groups(), samples(1), samples(2));
    } else {
      bands_[1].Blend(ops_, y, samples(1));
      bands_[2].Blend(ops_, y, samples(2));
    }
  }

  void Filter(Channel* channel, const uint16_t* samples) {
    float* values = channel->values.data();
    if (channel->identity) {
      ops_.widen(samples, channel->values.size(), values);
    } else {
      ops_.filter(samples, channel->taps, channel->values.size(), values);
    }
  }

  const PreprocessOps& ops_;
  const PixelFormat format_;
  std::vector<Band> bands_;
  std::vector<Channel> channels_;
  SampleRow packed_, luma_, chroma_;
  size_t luma_skip_ = 0;
};

/** A channel of the target: a channel of the source as it is, or a mix of all. */
struct Recipe {
  size_t source;
  bool is_mix;
  float m[4];
};

Recipe RecipeOf(const RawImage& source, TensorColor color, size_t c) {
  const bool is_bgr = source.format == PixelFormat::kBgr24;
  if (IsYcc(source.format)) {
    if (color == TensorColor::kGray) {
      const float* m = source.ycc[0];
      return {0, true, {m[0], 0, 0, m[3] + 128 * (m[1] + m[2])}};
    }
    const float* m = source.ycc[color == TensorColor::kBgr ? 2 - c : c];
    return {0, true, {m[0], m[1], m[2], m[3]}};
  }
  if (source.format == PixelFormat::kGray8) return {0, false, {}};
  if (color == TensorColor::kGray) {
    return {0, true, {kLuma[is_bgr ? 2 : 0], kLuma[1], kLuma[is_bgr ? 0 : 2], 0}};
  }
  return {is_bgr == (color == TensorColor::kBgr) ? c : 2 - c, false, {}};
}

/** Writes rows of the target: scale, type, layout, and padding around the place. */
class Writer {
 public:
  Writer(const TensorTarget& target, const PreprocessOps& ops)
      : t_(target), ops_(ops), channels_(TargetChannels(target)), planar_(target.planar || channels_ == 1) {
    for (size_t c = 0; c < channels_; c++) {
      floats_[c].resize(t_.width);
      bytes_[c].resize(t_.width);
      const float value = t_.pad * t_.scale[c] + t_.offset[c];
      pad_[c].assign(t_.width, value);
      pad_bytes_[c].resize(t_.width);
      if (!IsFloat()) Quantize(pad_[c].data(), t_.width, pad_bytes_[c].data());
    }
  }

  /** One row of the target; `rows` are the place's values by channel, null outside of it. */
  void Write(size_t y, const float* const* rows) {
    const Rect& place = t_.place;
    if (rows == nullptr) return Pad(y, 0, t_.width);
    Pad(y, 0, place.left);
    Put(y, place.left, place.width, rows);
    Pad(y, place.left + place.width, t_.width - place.left - place.width);
  }

 private:
  bool IsFloat() const { return t_.type == TensorType::kFloat32; }

  void Quantize(const float* in, size_t count, uint8_t* out) const {
    const bool is_signed = t_.type == TensorType::kInt8;
    ops_.quantize(in, is_signed ? -128 : 0, is_signed ? 127 : 255, count, out);
  }

  size_t Place(size_t y, size_t x, size_t c) const {
    return planar_ ? (c * t_.height + y) * t_.width + x : (y * t_.width + x) * channels_;
  }
  float* FloatsAt(size_t y, size_t x, size_t c) { return static_cast<float*>(t_.data) + Place(y, x, c); }
  uint8_t* BytesAt(size_t y, size_t x, size_t c) { return static_cast<uint8_t*>(t_.data) + Place(y, x, c); }

  void Pad(size_t y, size_t x, size_t count) {
    if (count == 0) return;
    if (!planar_) {
      if (IsFloat())
        ops_.interleave3_f32(pad_[0].data(), pad_[1].data(), pad_[2].data(), count, FloatsAt(y, x, 0));
      else
        ops_.interleave3_u8(pad_bytes_[0].data(), pad_bytes_[1].data(), pad_bytes_[2].data(), count,
                            BytesAt(y, x, 0));
      return;
    }
    for (size_t c = 0; c < channels_; c++) {
      if (IsFloat())
        std::memcpy(FloatsAt(y, x, c), pad_[c].data(), count * sizeof(float));
      else
        std::memcpy(BytesAt(y, x, c), pad_bytes_[c].data(), count);
    }
  }

  void Put(size_t y, size_t x, size_t count, const float* const* rows) {
    const bool direct = planar_ && IsFloat();
    for (size_t c = 0; c < channels_; c++) {
      float* out = direct ? FloatsAt(y, x, c) : floats_[c].data();
      ops_.scale(rows[c], t_.scale[c], t_.offset[c], count, out);
      if (!IsFloat()) Quantize(out, count, planar_ ? BytesAt(y, x, c) : bytes_[c].data());
    }
    if (planar_) return;
    if (IsFloat())
      ops_.interleave3_f32(floats_[0].data(), floats_[1].data(), floats_[2].data(), count, FloatsAt(y, x, 0));
    else
      ops_.interleave3_u8(bytes_[0].data(), bytes_[1].data(), bytes_[2].data(), count, BytesAt(y, x, 0));
  }

  const TensorTarget& t_;
  const PreprocessOps& ops_;
  const size_t channels_;
  const bool planar_;
  FloatRow floats_[3], pad_[3];
  ByteRow bytes_[3], pad_bytes_[3];
};

}  // namespace

void Preprocess(const PreprocessParams& params, const PreprocessOps& ops) {
  const TensorTarget& target = params.target;
  const size_t channels = TargetChannels(target);
  const size_t width = target.place.width;
  Reader reader(params, ops, target.color != TensorColor::kGray);
  Writer writer(target, ops);
  FloatRow mixed[3];
  Recipe recipes[3]{};
  for (size_t c = 0; c < channels; c++) {
    recipes[c] = RecipeOf(params.source, target.color, c);
    if (recipes[c].is_mix) mixed[c].resize(width);
  }
  const bool is_alone = params.source.format == PixelFormat::kGray8 ||
                        (IsYcc(params.source.format) && target.color == TensorColor::kGray);
  for (size_t y = 0; y < target.height; y++) {
    // Wraps around above the place.
    const size_t row = y - target.place.top;
    if (row >= target.place.height) {
      writer.Write(y, nullptr);
      continue;
    }
    reader.Read(row);
    const float* rows[3]{};
    for (size_t c = 0; c < channels; c++) {
      rows[c] = reader.channel(recipes[c].source);
      if (!recipes[c].is_mix) continue;
      const float* b = is_alone ? rows[c] : reader.channel(1);
      const float* d = is_alone ? rows[c] : reader.channel(2);
      ops.mix(rows[c], b, d, recipes[c].m, width, mixed[c].data());
      rows[c] = mixed[c].data();
    }
    writer.Write(y, rows);
  }
}

}  // namespace sightline
