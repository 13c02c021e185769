#pragma once

#include <cstddef>
#include <vector>

#include "kernels/cpu_features.h"

namespace sightline {

/**
 * One implementation of a kernel. Each kernel's folder has one ordered list, `kernels.inc`, best first and
 * `generic` last; declaration, dispatch, tests and benches all expand that list.
 */
template <typename Ops>
struct Variant {
  const char* name;
  /** The CPU must have all of these. */
  Features needs;
  const Ops* ops;
};

/** A variant without what it does, for whoever only lists it. */
struct NamedVariant {
  const char* name;
  Features needs;
};

template <typename Ops, size_t kCount>
std::vector<NamedVariant> NamesOf(const Variant<Ops> (&list)[kCount]) {
  std::vector<NamedVariant> names;
  for (const Variant<Ops>& variant : list) names.push_back({variant.name, variant.needs});
  return names;
}

/** The first that a CPU with these features can run; `generic` needs nothing. */
template <typename Ops, size_t kCount>
const Ops& Select(const Variant<Ops> (&list)[kCount], Features features) {
  for (const Variant<Ops>& variant : list) {
    if ((variant.needs & features) == variant.needs) return *variant.ops;
  }
  return *list[kCount - 1].ops;
}

}  // namespace sightline
