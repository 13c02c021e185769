#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <vector>

namespace sightline {

template <typename T>
struct Scored {
  T score;
  uint32_t index;
};

/** A type rather than a function, so that the loops of a heap inline it. */
struct IsBetter {
  template <typename T>
  bool operator()(const Scored<T>& a, const Scored<T>& b) const {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
  }
};

/** The lowest value above this one; nothing above the highest. */
template <typename T>
std::optional<T> Above(T value) {
  using Limits = std::numeric_limits<T>;
  constexpr T kHighest = Limits::has_infinity ? Limits::infinity() : Limits::max();
  if (value == kHighest) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>) {
    return std::nextafter(value, kHighest);
  } else {
    return static_cast<T>(value + 1);
  }
}

/** The best of a stream of scores: highest first, of equal ones the first that came. */
template <typename T>
class Best {
 public:
  /** With no `least`, nothing gets in. */
  Best(size_t limit, std::optional<T> least) : limit_(limit), least_(least) {}

  /** What a score must reach to get in; nothing when none can any more. */
  std::optional<T> least() const { return least_; }

  /** `score` reaches `least`, and indices rise from call to call. */
  void Add(T score, uint32_t index) {
    if (heap_.size() == limit_) {
      std::pop_heap(heap_.begin(), heap_.end(), IsBetter{});
      heap_.pop_back();
    }
    heap_.push_back({score, index});
    std::push_heap(heap_.begin(), heap_.end(), IsBetter{});
    if (heap_.size() == limit_) least_ = Above(heap_.front().score);
  }

  /** All that stayed, best first. */
  std::vector<Scored<T>> Take() {
    std::sort_heap(heap_.begin(), heap_.end(), IsBetter{});
    return std::move(heap_);
  }

 private:
  const size_t limit_;
  std::optional<T> least_;
  /** The worst stands in front. */
  std::vector<Scored<T>> heap_;
};

}  // namespace sightline
