#pragma once

#include <map>
#include <string>
#include <vector>

namespace shoal::bench {

/// Raw figures of each case, one a repetition, in nanoseconds per packet.
using Figures = std::map<std::string, std::vector<double>>;

double median(std::vector<double> values);

/// A table for the terminal.
std::string to_table(const Figures& figures);

/// Medians by name, and what they were measured on. `valid` says whether the floor shows an
/// undisturbed machine.
std::string to_json(const Figures& figures);

}  // namespace shoal::bench
