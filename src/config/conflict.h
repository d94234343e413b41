#pragma once

#include <string>
#include <vector>

#include "model/configuration.h"

namespace shoal::config {

/// A setting that two people changed at the same time, each to another value.
struct FieldConflict {
    /// "virtual_server web, real_server web-1, weight"
    std::string field;
    // As JSON writes them; empty: it is not set.
    std::string base;
    std::string theirs;
    std::string ours;
    bool operator==(const FieldConflict&) const = default;
};

/// The settings that differ from `base` in both, in their own way; in the order of their names.
/// Tables are told apart by their names (marks by their values), not by their places.
std::vector<FieldConflict> conflicts(const model::Configuration& base,
                                     const model::Configuration& theirs,
                                     const model::Configuration& ours);

}  // namespace shoal::config
