#include "kernels/regions/regions.h"

namespace sightline::generic {
namespace {

size_t Fall(const float* values, size_t from, size_t count, float least) {
  for (size_t i = from; i < count; i++) {
    if (!(values[i] >= least)) return i;
  }
  return count;
}

size_t Change(const uint8_t* values, size_t from, size_t count, uint8_t value) {
  for (size_t i = from; i < count; i++) {
    if (values[i] != value) return i;
  }
  return count;
}

}  // namespace

const RegionsOps kRegions = {Fall, Change};

}  // namespace sightline::generic
