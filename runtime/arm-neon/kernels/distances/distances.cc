#include "kernels/distances/distances.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <vector>

namespace sightline {
namespace {

/** Rows of the bank that stay in the first cache while a group of queries, in the second, goes past them. */
constexpr size_t kBankBytes = 16 << 10, kQueryBytes = 256 << 10, kMaxQueries = 256;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/** By the distance as it is returned, then by index, so that order never depends on how the work is cut up.
 */
struct Neighbour {
  float distance;
  uint32_t index;
  bool operator<(const Neighbour& other) const {
    return distance < other.distance || (distance == other.distance && index < other.index);
  }
};

template <typename Element>
struct Query {
  const Element* vector;
  double norm;
  /** A heap of k, the farthest on top. */
  Neighbour* found;
  /** A row with offset + factor · dot above this is farther than all k. */
  float limit;
};

/** Rows of the bank that are next to each other. */
template <typename Element>
struct Tile {
  /** Where there are fewer, the last again. */
  const Element* rows[kTileRows];
  size_t first, count;
  double norms[kTileRows];
  /** For the screen, and side by side for the compiler to compare at once. */
  float offsets[kTileRows], factors[kTileRows];
};

float FloatOrInfinity(double distance) {
  return std::isnan(distance) ? kInfinity : static_cast<float>(distance);
}

float CosineDistance(double dot, double norm, double other_norm) {
  if (norm == 0 || other_norm == 0) return 1;
  return FloatOrInfinity(std::clamp(1 - dot / std::sqrt(norm * other_norm), 0.0, 2.0));
}

/**
 * Squared distances taken from norms and a dot product cost half, and lose all digits between near vectors.
 * So they only screen: where the result might be a neighbour, within the error of that formula, the distance
 * is taken from the differences. What comes out is as if all had been.
 */
template <typename Element, typename Dot, typename Square>
class Search {
 public:
  using Ops = VectorOps<Element, Dot, Square>;

  Search(const DistancesParams<Element>& params, const Ops& ops)
      : p_(params),
        ops_(ops),
        square_scale_(params.scale * params.scale),
        // In units of rounding (2^-24): four sums of size / 8 steps each, of norms, dot and squares, and
        // change.
        slack_(static_cast<double>(params.size + 64) / (1 << 25)),
        zero_(params.size) {}

  void Run() {
    const size_t row_bytes = p_.size * sizeof(Element);
    const size_t group = std::clamp(kQueryBytes / row_bytes, kTileQueries, kMaxQueries);
    const size_t block = std::max(kBankBytes / row_bytes / kTileRows, size_t{1}) * kTileRows;
    for (size_t q = 0; q < p_.query_count; q += group) {
      Begin(q, std::min(group, p_.query_count - q));
      for (size_t r = 0; r < p_.bank_count; r += block) Meet(r, std::min(block, p_.bank_count - r));
      Finish(q);
    }
  }

 private:
  bool IsCosine() const { return p_.metric == Metric::kCosine; }

  void Begin(size_t first, size_t count) {
    found_.assign(count * p_.k, {kInfinity, UINT32_MAX});
    queries_.resize(count);
    for (size_t i = 0; i < count; i++) {
      Query<Element>& query = queries_[i];
      query = {p_.queries + (first + i) * p_.size, 0, &found_[i * p_.k], 0};
      query.norm = NormOf(query.vector);
      SetLimit(&query);
    }
  }

  double NormOf(const Element* vector) const {
    const Element* rows[kTileRows] = {vector, vector, vector, vector};
    Square norms[kTileRows];
    ops_.squares(rows, zero_.data(), p_.size, norms);
    return norms[0];
  }

  void Finish(size_t first) {
    for (size_t i = 0; i < queries_.size(); i++) {
      Neighbour* found = queries_[i].found;
      std::sort_heap(found, found + p_.k);
      for (size_t k = 0; k < p_.k; k++) {
        p_.indices[(first + i) * p_.k + k] = found[k].index;
        p_.distances[(first + i) * p_.k + k] = found[k].distance;
      }
    }
  }

  /** All queries of the group meet a block of the bank. */
  void Meet(size_t first, size_t count) {
    tiles_.resize((count + kTileRows - 1) / kTileRows);
    for (size_t t = 0; t < tiles_.size(); t++) {
      SetTile(first + t * kTileRows, std::min(kTileRows, count - t * kTileRows), &tiles_[t]);
    }
    for (size_t q = 0; q < queries_.size(); q += kTileQueries) {
      const size_t last = std::min(q + kTileQueries, queries_.size()) - 1;
      const Element* vectors[kTileQueries] = {queries_[q].vector, queries_[last].vector};
      for (const Tile<Element>& tile : tiles_) {
        Dot dots[kTileRows * kTileQueries];
        ops_.dots(tile.rows, vectors, p_.size, dots);
        for (size_t i = q; i <= last; i++) {
          const Dot* own = dots + (i - q) * kTileRows;
          if (MayBeNear(queries_[i], tile, own)) Offer(&queries_[i], tile, own);
        }
      }
    }
  }

  void SetTile(size_t first, size_t count, Tile<Element>* tile) const {
    tile->first = first;
    tile->count = count;
    for (size_t r = 0; r < kTileRows; r++)
      tile->rows[r] = p_.bank + (first + std::min(r, count - 1)) * p_.size;
    Square norms[kTileRows];
    ops_.squares(tile->rows, zero_.data(), p_.size, norms);
    for (size_t r = 0; r < kTileRows; r++) {
      tile->norms[r] = norms[r];
      SetScreen(norms[r], &tile->offsets[r], &tile->factors[r]);
    }
  }

  void SetScreen(double norm, float* offset, float* factor) const {
    if (!std::isfinite(norm)) {
      // Below anything: such rows are always looked at closely.
      *offset = -kInfinity;
      *factor = 0;
    } else if (IsCosine()) {
      *offset = 0;
      *factor = static_cast<float>(-1 / std::sqrt(norm));
    } else {
      // FLT_MIN stands for what squares and products lose below the normal numbers.
      *offset = static_cast<float>(norm * (1 - slack_) - FLT_MIN);
      *factor = -2;
    }
  }

  void SetLimit(Query<Element>* query) const {
    // The cosine itself is taken from the same dot product, so that few roundings lie between the two.
    constexpr double kCosineSlack = 1.0 / (1 << 18);
    const double norm = query->norm, farthest = query->found[0].distance;
    const double limit = IsCosine() ? (farthest - 1 + kCosineSlack) * std::sqrt(norm)
                                    : farthest / square_scale_ - norm * (1 - slack_);
    query->limit = std::isfinite(norm) ? static_cast<float>(limit) : kInfinity;
  }

  /** Comparisons with NaN are false, so that a doubtful row is not passed over. */
  bool MayBeNear(const Query<Element>& query, const Tile<Element>& tile, const Dot* dots) const {
    size_t far = 0;
    for (size_t r = 0; r < kTileRows; r++) {
      far += tile.offsets[r] + tile.factors[r] * static_cast<float>(dots[r]) > query.limit ? 1 : 0;
    }
    return far < kTileRows;
  }

  void Offer(Query<Element>* query, const Tile<Element>& tile, const Dot* dots) const {
    Square squares[kTileRows];
    if (!IsCosine()) ops_.squares(tile.rows, query->vector, p_.size, squares);
    for (size_t r = 0; r < tile.count; r++) {
      const float distance = IsCosine() ? CosineDistance(dots[r], query->norm, tile.norms[r])
                                        : FloatOrInfinity(squares[r] * square_scale_);
      Keep(query, {distance, static_cast<uint32_t>(tile.first + r)});
    }
    SetLimit(query);
  }

  void Keep(Query<Element>* query, Neighbour neighbour) const {
    Neighbour *begin = query->found, *end = begin + p_.k;
    if (!(neighbour < *begin)) return;
    std::pop_heap(begin, end);
    end[-1] = neighbour;
    std::push_heap(begin, end);
  }

  const DistancesParams<Element>& p_;
  const Ops& ops_;
  const double square_scale_, slack_;
  const std::vector<Element> zero_;
  std::vector<Neighbour> found_;
  std::vector<Query<Element>> queries_;
  std::vector<Tile<Element>> tiles_;
};

}  // namespace

void Distances(const DistancesParams<float>& params, const DistancesOps& ops) {
  Search(params, ops.f32).Run();
}

void Distances(const DistancesParams<int8_t>& params, const DistancesOps& ops) {
  Search(params, ops.i8).Run();
}

}  // namespace sightline
