#include <cmath>

#include "kernels/distances/distances.h"

namespace sightline::generic {
namespace {

float SumLanes(const float* lanes) {
  float half[kLanes / 2];
  for (size_t i = 0; i < kLanes / 2; i++) half[i] = lanes[i] + lanes[i + kLanes / 2];
  return (half[0] + half[1]) + (half[2] + half[3]);
}

float Dot(const float* a, const float* b, size_t size) {
  float lanes[kLanes] = {};
  for (size_t i = 0; i < size; i++) lanes[i % kLanes] = std::fmaf(a[i], b[i], lanes[i % kLanes]);
  return SumLanes(lanes);
}

float Square(const float* a, const float* b, size_t size) {
  float lanes[kLanes] = {};
  for (size_t i = 0; i < size; i++) {
    const float apart = a[i] - b[i];
    lanes[i % kLanes] = std::fmaf(apart, apart, lanes[i % kLanes]);
  }
  return SumLanes(lanes);
}

int32_t Dot(const int8_t* a, const int8_t* b, size_t size) {
  int32_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += a[i] * b[i];
  return sum;
}

uint32_t Square(const int8_t* a, const int8_t* b, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i++) {
    const int apart = a[i] - b[i];
    sum += static_cast<uint32_t>(apart * apart);
  }
  return sum;
}

template <typename Element, typename Sum>
void Dots(const Element* const* rows, const Element* const* queries, size_t size, Sum* out) {
  for (size_t q = 0; q < kTileQueries; q++) {
    for (size_t r = 0; r < kTileRows; r++) out[q * kTileRows + r] = Dot(rows[r], queries[q], size);
  }
}

template <typename Element, typename Sum>
void Squares(const Element* const* rows, const Element* query, size_t size, Sum* out) {
  for (size_t r = 0; r < kTileRows; r++) out[r] = Square(rows[r], query, size);
}

}  // namespace

const DistancesOps kDistances = {{Dots, Squares}, {Dots, Squares}};

}  // namespace sightline::generic
