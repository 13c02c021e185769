#include "kernels/nms/nms.h"

namespace sightline::generic {
namespace {

float Least(float a, float b) {
  return a < b ? a : b;
}

float Most(float a, float b) {
  return a > b ? a : b;
}

bool Overlaps(const BoxColumns& boxes, const Box& box, float iou_max) {
  for (size_t i = 0; i < boxes.count; i++) {
    const float width = Least(boxes.x2[i], box.x2) - Most(boxes.x1[i], box.x1);
    const float height = Least(boxes.y2[i], box.y2) - Most(boxes.y1[i], box.y1);
    const float overlap = Most(width, 0) * Most(height, 0);
    const float both = boxes.area[i] + box.area - overlap;
    if (overlap > iou_max * both && boxes.class_id[i] == box.class_id) return true;
  }
  return false;
}

}  // namespace

const NmsOps kNms = {Overlaps};

}  // namespace sightline::generic
