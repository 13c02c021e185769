#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/yolo/yolo.h"

namespace sightline::neon {
namespace {

/** Registers of a type by one set of names. */
struct F32 {
  using Vector = float32x4_t;
  static Vector Splat(float value) { return vdupq_n_f32(value); }
  static Vector Load(const float* from) { return vld1q_f32(from); }
  static void Store(Vector values, float* to) { vst1q_f32(to, values); }
  /** Not vmaxq_f32, whose result is NaN where one of the two is. */
  static Vector Greater(Vector value, Vector best) { return vbslq_f32(vcgtq_f32(value, best), value, best); }
  static float Top(Vector values) { return vmaxvq_f32(values); }
};

struct I8 {
  using Vector = int8x16_t;
  static Vector Splat(int8_t value) { return vdupq_n_s8(value); }
  static Vector Load(const int8_t* from) { return vld1q_s8(from); }
  static void Store(Vector values, int8_t* to) { vst1q_s8(to, values); }
  static Vector Greater(Vector value, Vector best) { return vmaxq_s8(value, best); }
  static int8_t Top(Vector values) { return vmaxvq_s8(values); }
};

struct U8 {
  using Vector = uint8x16_t;
  static Vector Splat(uint8_t value) { return vdupq_n_u8(value); }
  static Vector Load(const uint8_t* from) { return vld1q_u8(from); }
  static void Store(Vector values, uint8_t* to) { vst1q_u8(to, values); }
  static Vector Greater(Vector value, Vector best) { return vmaxq_u8(value, best); }
  static uint8_t Top(Vector values) { return vmaxvq_u8(values); }
};

/** A cache line of each row at a time, the best of it in registers. */
template <typename V, typename T>
void MaxByRow(const T* rows, size_t row_count, size_t stride, size_t count, T* best) {
  constexpr size_t kLanes = 16 / sizeof(T);
  size_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    auto a = V::Splat(kLowest<T>), b = a, c = a, d = a;
    const T* at = rows + i;
    for (size_t r = 0; r < row_count; r++, at += stride) {
      a = V::Greater(V::Load(at), a);
      b = V::Greater(V::Load(at + kLanes), b);
      c = V::Greater(V::Load(at + 2 * kLanes), c);
      d = V::Greater(V::Load(at + 3 * kLanes), d);
    }
    V::Store(a, best + i);
    V::Store(b, best + i + kLanes);
    V::Store(c, best + i + 2 * kLanes);
    V::Store(d, best + i + 3 * kLanes);
  }
  for (; i < count; i++) {
    best[i] = kLowest<T>;
    for (size_t r = 0; r < row_count; r++) {
      const T value = rows[r * stride + i];
      best[i] = value > best[i] ? value : best[i];
    }
  }
}

template <typename V, typename T>
T Max(const T* values, size_t count) {
  constexpr size_t kLanes = 16 / sizeof(T);
  auto best = V::Splat(kLowest<T>);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) best = V::Greater(V::Load(values + i), best);
  T top = V::Top(best);
  for (; i < count; i++) top = values[i] > top ? values[i] : top;
  return top;
}

}  // namespace

const YoloOps kYolo = {{MaxByRow<F32, float>, MaxByRow<I8, int8_t>, MaxByRow<U8, uint8_t>},
                       {Max<F32, float>, Max<I8, int8_t>, Max<U8, uint8_t>}};

}  // namespace sightline::neon

#endif  // defined(__aarch64__)
