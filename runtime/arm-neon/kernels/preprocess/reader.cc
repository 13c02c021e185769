#include "kernels/preprocess/reader.h"

#include <algorithm>

namespace sightline {

Band::Band(const PreprocessParams& p, size_t plane, size_t group_bytes, size_t across, size_t down)
    : height_(RowCount(p.source.format, plane, p.source.height)), stride_(p.source.planes[plane].stride) {
  const size_t first = p.crop.left / across;
  groups_ = (p.crop.left + p.crop.width + across - 1) / across - first;
  bytes_ = groups_ * group_bytes;
  data_ = p.source.data + p.source.planes[plane].offset + first * group_bytes;
  const auto scale = static_cast<double>(down);
  taps_ = MakeTaps(static_cast<double>(p.crop.top) / scale, static_cast<double>(p.crop.height) / scale,
                   height_, p.target.place.height, Axis::kColumn);
  rows_.resize(taps_.count);
}

void Band::Blend(const PreprocessOps& ops, size_t y, uint16_t* out) {
  for (size_t t = 0; t < taps_.count; t++) {
    // Taps of weight 0 may lie behind the last row.
    rows_[t] = data_ + std::min<size_t>(taps_.first[y] + t, height_ - 1) * stride_;
  }
  ops.blend(rows_.data(), &taps_.weights[y * taps_.count], taps_.count, bytes_, out);
}

Reader::Reader(const PreprocessParams& p, const PreprocessOps& ops, bool needs_chroma)
    : ops_(ops), format_(p.source.format), width_(p.target.place.width) {
  const bool has_chroma = IsYcc(format_) && needs_chroma;
  AddTaps(p, 1);
  if (has_chroma) AddTaps(p, 2);
  switch (format_) {
    case PixelFormat::kRgb24:
    case PixelFormat::kBgr24:
      bands_.emplace_back(p, 0, 3, 1, 1);
      for (int c = 0; c < 3; c++) AddChannel(0, bands_[0].groups());
      break;
    case PixelFormat::kYuyv:
      bands_.emplace_back(p, 0, 4, 2, 1);
      AddChannel(0, bands_[0].groups() * 2, p.crop.left % 2);
      chroma_.resize(bands_[0].groups() * 2);
      break;
    default:
      bands_.emplace_back(p, 0, 1, 1, 1);
      AddChannel(0, bands_[0].groups());
      if (has_chroma && format_ == PixelFormat::kNv12) bands_.emplace_back(p, 1, 2, 2, 2);
      if (has_chroma && format_ == PixelFormat::kI420) bands_.emplace_back(p, 1, 1, 2, 2);
      if (has_chroma && format_ == PixelFormat::kI420) bands_.emplace_back(p, 2, 1, 2, 2);
  }
  for (int c = 0; has_chroma && c < 2; c++) AddChannel(1, bands_.back().groups());
  for (const Band& band : bands_) packed_.resize(std::max(packed_.size(), band.bytes()));
}

void Reader::AddTaps(const PreprocessParams& p, size_t across) {
  const auto scale = static_cast<double>(across);
  const double start = static_cast<double>(p.crop.left) / scale;
  Taps taps = MakeTaps(start, static_cast<double>(p.crop.width) / scale,
                       (p.source.width + across - 1) / across, p.target.place.width, Axis::kRow);
  // Blended rows begin at the crop, not at the plane's edge.
  for (uint32_t& first : taps.first) first -= static_cast<uint32_t>(start);
  taps_.push_back(std::move(taps));
}

void Reader::AddChannel(size_t taps, size_t samples, size_t skip) {
  channels_.push_back({taps, skip, std::vector<uint16_t>(samples + taps_[taps].count)});
}

void Reader::Read(size_t y) {
  const bool is_packed = format_ == PixelFormat::kRgb24 || format_ == PixelFormat::kBgr24;
  if (is_packed) {
    bands_[0].Blend(ops_, y, packed_.data());
    ops_.split3(packed_.data(), bands_[0].groups(), samples(0), samples(1), samples(2));
    return;
  }
  if (format_ == PixelFormat::kYuyv) {
    bands_[0].Blend(ops_, y, packed_.data());
    ops_.split2(packed_.data(), bands_[0].groups() * 2, samples(0), chroma_.data());
    if (channels() == 3) ops_.split2(chroma_.data(), bands_[0].groups(), samples(1), samples(2));
    return;
  }
  bands_[0].Blend(ops_, y, samples(0));
  if (channels() == 1) return;
  if (format_ == PixelFormat::kNv12) {
    bands_[1].Blend(ops_, y, packed_.data());
    ops_.split2(packed_.data(), bands_[1].groups(), samples(1), samples(2));
  } else {
    bands_[1].Blend(ops_, y, samples(1));
    bands_[2].Blend(ops_, y, samples(2));
  }
}

void Reader::Filter(size_t index, Affine affine, float* out) const {
  const Channel& channel = channels_[index];
  const uint16_t* samples = channel.samples.data() + channel.skip;
  const Taps& taps = taps_[channel.taps];
  if (taps.is_identity) {
    ops_.widen(samples, width_, affine, out);
  } else {
    ops_.filter(samples, taps, width_, affine, out);
  }
}

}  // namespace sightline
