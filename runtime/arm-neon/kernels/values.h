#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

namespace sightline {

enum class ValueType { kFloat32, kInt8, kUint8 };

/** A tensor's numbers as a model gives them. */
struct Values {
  ValueType type;
  const void* data;
  size_t count;
  /** Of int8 and uint8: the real number of each stored one, from the lowest on; they never fall. */
  std::array<float, 256> reals;
};

/** The least float32 that is `value` or more, so that comparing with it is comparing with `value`. */
inline float LeastFloat(double value) {
  const auto rounded = static_cast<float>(value);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return static_cast<double>(rounded) < value ? std::nextafter(rounded, kInfinity) : rounded;
}

/** `Values` whose type is known. */
template <typename T>
class ValuesOf {
 public:
  explicit ValuesOf(const Values& values) : values_(values) {}

  const T* data() const { return static_cast<const T*>(values_.data); }
  size_t count() const { return values_.count; }

  float Real(T stored) const {
    if constexpr (std::is_same_v<T, float>) {
      return stored;
    } else {
      return values_.reals[static_cast<size_t>(stored - std::numeric_limits<T>::lowest())];
    }
  }

  /** The least stored value whose real one is `real` or more; nothing when none is. */
  std::optional<T> Least(double real) const {
    if constexpr (std::is_same_v<T, float>) {
      return LeastFloat(real);
    } else {
      for (int q = std::numeric_limits<T>::lowest(); q <= std::numeric_limits<T>::max(); q++) {
        if (Real(static_cast<T>(q)) >= real) return static_cast<T>(q);
      }
      return std::nullopt;
    }
  }

 private:
  const Values& values_;
};

/** Calls `body` with the values as what they are. */
template <typename Body>
auto Visit(const Values& values, Body body) {
  switch (values.type) {
    case ValueType::kInt8:
      return body(ValuesOf<int8_t>(values));
    case ValueType::kUint8:
      return body(ValuesOf<uint8_t>(values));
    default:
      return body(ValuesOf<float>(values));
  }
}

inline float RealAt(const Values& values, size_t index) {
  return Visit(values, [index](auto view) { return view.Real(view.data()[index]); });
}

}  // namespace sightline
