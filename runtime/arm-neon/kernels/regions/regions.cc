#include "kernels/regions/regions.h"

#include "kernels/regions/runs.h"

namespace sightline {
namespace {

Region RegionOf(const Run& run, size_t y) {
  const uint64_t length = run.end - run.begin;
  const auto narrow = [](size_t value) { return static_cast<uint32_t>(value); };
  return {run.class_id,    narrow(length), narrow(run.begin), narrow(y),
          narrow(run.end), narrow(y + 1),  run.peak,          (run.begin + run.end - 1) * length / 2,
          y * length};
}

void Merge(const Region& from, Region* into) {
  into->area += from.area;
  into->left = std::min(into->left, from.left);
  into->top = std::min(into->top, from.top);
  into->right = std::max(into->right, from.right);
  into->bottom = std::max(into->bottom, from.bottom);
  into->peak = std::max(into->peak, from.peak);
  into->x_sum += from.x_sum;
  into->y_sum += from.y_sum;
}

/** Regions so far; those that turned out to be one are joined (union-find), the older one staying. */
class Forest {
 public:
  uint32_t Add(const Region& region) {
    parents_.push_back(static_cast<uint32_t>(parents_.size()));
    regions_.push_back(region);
    return parents_.back();
  }

  void Grow(uint32_t label, const Region& region) { Merge(region, &regions_[Root(label)]); }

  void Join(uint32_t a, uint32_t b) {
    const uint32_t first = std::min(Root(a), Root(b)), second = std::max(Root(a), Root(b));
    if (first == second) return;
    parents_[second] = first;
    Merge(regions_[second], &regions_[first]);
  }

  std::vector<Region> Roots() const {
    std::vector<Region> roots;
    for (size_t i = 0; i < regions_.size(); i++) {
      if (parents_[i] == i) roots.push_back(regions_[i]);
    }
    return roots;
  }

 private:
  /** Halves the path on its way. */
  uint32_t Root(uint32_t label) {
    while (parents_[label] != label) label = parents_[label] = parents_[parents_[label]];
    return label;
  }

  std::vector<uint32_t> parents_;
  std::vector<Region> regions_;
};

/** The runs of a row, and the region of each. */
struct Row {
  std::vector<Run> runs;
  std::vector<uint32_t> labels;
};

/** Connects each run of `row` to those above that touch it; both are in order, so one walk does. */
void Connect(const Row& above, size_t y, size_t reach, Row* row, Forest* forest) {
  row->labels.clear();
  size_t first = 0;
  for (const Run& run : row->runs) {
    while (first < above.runs.size() && above.runs[first].end + reach <= run.begin) first++;
    std::optional<uint32_t> label;
    for (size_t k = first; k < above.runs.size() && above.runs[k].begin < run.end + reach; k++) {
      if (above.runs[k].class_id != run.class_id) continue;
      if (label) forest->Join(*label, above.labels[k]);
      label = above.labels[k];
    }
    if (label) forest->Grow(*label, RegionOf(run, y));
    row->labels.push_back(label ? *label : forest->Add(RegionOf(run, y)));
  }
}

}  // namespace

std::vector<Region> FindRegions(const RegionsParams& params, const ScoresOps& scores_ops,
                                const RegionsOps& ops) {
  const RunReader reader(params, scores_ops, ops);
  Forest forest;
  Row above, row;
  for (size_t y = 0; y < params.height; y++) {
    reader.Read(y, &row.runs);
    Connect(above, y, params.has_diagonals ? 1 : 0, &row, &forest);
    std::swap(above, row);
  }
  std::vector<Region> regions = forest.Roots();
  std::stable_sort(regions.begin(), regions.end(),
                   [](const Region& a, const Region& b) { return a.area > b.area; });
  if (regions.size() > params.limit) regions.resize(params.limit);
  return regions;
}

}  // namespace sightline
