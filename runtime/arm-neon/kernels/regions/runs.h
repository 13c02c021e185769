#pragma once

#include "kernels/regions/regions.h"

namespace sightline {

/** Neighbouring pixels of a row that are of one class: [begin, end). */
struct Run {
  size_t begin, end;
  uint8_t class_id;
  float peak;
};

/** Reads an image's runs row by row. */
class RunReader {
 public:
  RunReader(const RegionsParams& params, const ScoresOps& scores_ops, const RegionsOps& ops)
      : params_(params), reach_(std::get<Reach<float>>(scores_ops.reach)), ops_(ops) {}

  void Read(size_t y, std::vector<Run>* runs) const;

 private:
  void ReadMap(const float* row, std::vector<Run>* runs) const;
  void ReadMask(const uint8_t* row, std::vector<Run>* runs) const;

  const RegionsParams& params_;
  const Reach<float> reach_;
  const RegionsOps& ops_;
};

}  // namespace sightline
