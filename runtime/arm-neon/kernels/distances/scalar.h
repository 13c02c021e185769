#pragma once

#include "kernels/distances/distances.h"

namespace sightline {

/** The last elements of int8 vectors, from `i` on, which fill no register. */

inline void AddRest(const int8_t* const* rows, const int8_t* const* queries, size_t i, size_t size,
                    int32_t* out) {
  for (; i < size; i++) {
    for (size_t q = 0; q < kTileQueries; q++) {
      for (size_t r = 0; r < kTileRows; r++) out[q * kTileRows + r] += rows[r][i] * queries[q][i];
    }
  }
}

inline void AddRest(const int8_t* const* rows, const int8_t* query, size_t i, size_t size, uint32_t* out) {
  for (; i < size; i++) {
    for (size_t r = 0; r < kTileRows; r++) {
      const int apart = rows[r][i] - query[i];
      out[r] += static_cast<uint32_t>(apart * apart);
    }
  }
}

}  // namespace sightline
