#include "kernels/yolo/yolo.h"

namespace sightline::generic {
namespace {

template <typename T>
void MaxByRow(const T* rows, size_t row_count, size_t stride, size_t count, T* best) {
  for (size_t i = 0; i < count; i++) best[i] = kLowest<T>;
  for (size_t r = 0; r < row_count; r++) {
    const T* row = rows + r * stride;
    for (size_t i = 0; i < count; i++) best[i] = row[i] > best[i] ? row[i] : best[i];
  }
}

template <typename T>
T Max(const T* values, size_t count) {
  T best = kLowest<T>;
  for (size_t i = 0; i < count; i++) best = values[i] > best ? values[i] : best;
  return best;
}

}  // namespace

const YoloOps kYolo = {{MaxByRow<float>, MaxByRow<int8_t>, MaxByRow<uint8_t>},
                       {Max<float>, Max<int8_t>, Max<uint8_t>}};

}  // namespace sightline::generic
