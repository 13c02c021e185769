#include "kernels/argmax/scalar.h"

namespace sightline::generic {
namespace {

template <typename T>
void ArgmaxAll(const T* planes, size_t classes, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; i++) out[i] = ArgmaxOne(planes, classes, count, i);
}

}  // namespace

const ArgmaxOps kArgmax = {{ArgmaxAll<float>, ArgmaxAll<int8_t>, ArgmaxAll<uint8_t>}};

}  // namespace sightline::generic
