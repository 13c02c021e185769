#pragma once

#include "kernels/preprocess/preprocess.h"
#include "kernels/preprocess/taps.h"

namespace sightline {

/** The rows of one plane of the source's crop, blended to as many as the place has. */
class Band {
 public:
  /** A group of `group_bytes` stands for `across` pixels by `down`. */
  Band(const PreprocessParams& params, size_t plane, size_t group_bytes, size_t across, size_t down);

  size_t groups() const { return groups_; }
  size_t bytes() const { return bytes_; }
  void Blend(const PreprocessOps& ops, size_t y, uint16_t* out);

 private:
  size_t height_, stride_, groups_, bytes_;
  const uint8_t* data_;
  Taps taps_;
  std::vector<const uint8_t*> rows_;
};

/** Reads the crop one row of the place at a time, in the source's own channels: R, G, B or Y, Cb, Cr or grey.
 */
class Reader {
 public:
  /** Without chroma, Y alone is read. */
  Reader(const PreprocessParams& params, const PreprocessOps& ops, bool needs_chroma);

  size_t channels() const { return channels_.size(); }
  /** Blends and splits what makes up row `y`. */
  void Read(size_t y);
  /** A channel of the row that was read, as 0 to 255, scaled. */
  void Filter(size_t channel, Affine affine, float* out) const;

 private:
  struct Channel {
    /** Which of `taps_`. */
    size_t taps;
    /** Within `samples`: a crop of YUYV at an odd column begins inside of a group. */
    size_t skip;
    /** Blended samples of the crop, with room behind them for what taps of weight 0 read. */
    std::vector<uint16_t> samples;
  };
  /** Taps along a row for samples that stand for `across` pixels. */
  void AddTaps(const PreprocessParams& params, size_t across);
  void AddChannel(size_t taps, size_t samples, size_t skip = 0);
  uint16_t* samples(size_t channel) { return channels_[channel].samples.data(); }

  const PreprocessOps& ops_;
  const PixelFormat format_;
  const size_t width_;
  std::vector<Band> bands_;
  std::vector<Taps> taps_;
  std::vector<Channel> channels_;
  /** A blended row of which the channels are parts, and a part that is split again. */
  std::vector<uint16_t> packed_, chroma_;
};

}  // namespace sightline
