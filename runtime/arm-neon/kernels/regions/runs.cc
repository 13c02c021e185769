#include "kernels/regions/runs.h"

namespace sightline {

void RunReader::Read(size_t y, std::vector<Run>* runs) const {
  runs->clear();
  if (params_.map != nullptr) {
    ReadMap(params_.map + y * params_.width, runs);
  } else {
    ReadMask(params_.mask + y * params_.width, runs);
  }
}

void RunReader::ReadMap(const float* row, std::vector<Run>* runs) const {
  for (size_t x = 0; x < params_.width;) {
    const size_t begin = reach_(row, x, params_.width, params_.least);
    if (begin == params_.width) return;
    x = ops_.fall(row, begin, params_.width, params_.least);
    runs->push_back({begin, x, 1, *std::max_element(row + begin, row + x)});
  }
}

void RunReader::ReadMask(const uint8_t* row, std::vector<Run>* runs) const {
  for (size_t x = 0; x < params_.width;) {
    const size_t begin = row[x] == 0 ? ops_.change(row, x, params_.width, 0) : x;
    if (begin == params_.width) return;
    x = ops_.change(row, begin, params_.width, row[begin]);
    runs->push_back({begin, x, row[begin], static_cast<float>(row[begin])});
  }
}

}  // namespace sightline
