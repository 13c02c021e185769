#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/nms/nms.h"

#define AVX2 __attribute__((target("avx2")))

namespace sightline::avx2 {
namespace {

AVX2 inline __m256 Extent(__m256 ends, float end, __m256 starts, float start) {
  const __m256 last = _mm256_min_ps(ends, _mm256_set1_ps(end));
  const __m256 first = _mm256_max_ps(starts, _mm256_set1_ps(start));
  return _mm256_max_ps(_mm256_sub_ps(last, first), _mm256_setzero_ps());
}

AVX2 bool Overlaps(const BoxColumns& boxes, const Box& box, float iou_max) {
  const __m256i class_id = _mm256_set1_epi32(static_cast<int>(box.class_id));
  for (size_t i = 0; i < boxes.count; i += 8) {
    const __m256 width = Extent(_mm256_loadu_ps(&boxes.x2[i]), box.x2, _mm256_loadu_ps(&boxes.x1[i]), box.x1);
    const __m256 height =
        Extent(_mm256_loadu_ps(&boxes.y2[i]), box.y2, _mm256_loadu_ps(&boxes.y1[i]), box.y1);
    const __m256 overlap = _mm256_mul_ps(width, height);
    const __m256 areas = _mm256_add_ps(_mm256_loadu_ps(&boxes.area[i]), _mm256_set1_ps(box.area));
    const __m256 most = _mm256_mul_ps(_mm256_set1_ps(iou_max), _mm256_sub_ps(areas, overlap));
    const __m256i class_ids = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&boxes.class_id[i]));
    const __m256 is_same = _mm256_castsi256_ps(_mm256_cmpeq_epi32(class_ids, class_id));
    if (_mm256_testz_ps(_mm256_cmp_ps(overlap, most, _CMP_GT_OQ), is_same) == 0) return true;
  }
  return false;
}

}  // namespace

const NmsOps kNms = {Overlaps};

}  // namespace sightline::avx2

#endif  // defined(__x86_64__)
