#pragma once

#include "kernels/candidates.h"
#include "kernels/nms/nms.h"
#include "kernels/scores/scores.h"

namespace sightline {

struct PeaksParams {
  /** [classes, height, width], and left, top, right, bottom in cells as [4, height, width]. */
  Values heat, edges;
  size_t classes, width, height;
  /** Input pixels a cell. */
  float stride;
  CandidatesWanted wanted;
};

/** A box at each cell that no neighbour of the 3 × 3 window outshines; its loops are those of `scores` and
 * `nms`. */
Candidates FindPeaks(const PeaksParams& params, const ScoresOps& scores_ops, const NmsOps& nms_ops);

}  // namespace sightline
