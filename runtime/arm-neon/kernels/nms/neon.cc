#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/nms/nms.h"

namespace sightline::neon {
namespace {

inline float32x4_t Extent(float32x4_t ends, float end, float32x4_t starts, float start) {
  const float32x4_t last = vminq_f32(ends, vdupq_n_f32(end));
  const float32x4_t first = vmaxq_f32(starts, vdupq_n_f32(start));
  return vmaxq_f32(vsubq_f32(last, first), vdupq_n_f32(0));
}

inline uint32x4_t Overlaps4(const BoxColumns& boxes, size_t i, const Box& box, float iou_max) {
  const float32x4_t width = Extent(vld1q_f32(&boxes.x2[i]), box.x2, vld1q_f32(&boxes.x1[i]), box.x1);
  const float32x4_t height = Extent(vld1q_f32(&boxes.y2[i]), box.y2, vld1q_f32(&boxes.y1[i]), box.y1);
  const float32x4_t overlap = vmulq_f32(width, height);
  const float32x4_t areas = vaddq_f32(vld1q_f32(&boxes.area[i]), vdupq_n_f32(box.area));
  const float32x4_t most = vmulq_n_f32(vsubq_f32(areas, overlap), iou_max);
  const uint32x4_t is_same = vceqq_u32(vld1q_u32(&boxes.class_id[i]), vdupq_n_u32(box.class_id));
  return vandq_u32(vcgtq_f32(overlap, most), is_same);
}

bool Overlaps(const BoxColumns& boxes, const Box& box, float iou_max) {
  for (size_t i = 0; i < boxes.count; i += 8) {
    const uint32x4_t low = Overlaps4(boxes, i, box, iou_max);
    if (vmaxvq_u32(vorrq_u32(low, Overlaps4(boxes, i + 4, box, iou_max))) != 0) return true;
  }
  return false;
}

}  // namespace

const NmsOps kNms = {Overlaps};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
