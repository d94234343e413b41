#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/dataplane.h"
#include "director/marks.h"

namespace shoal::director {

/// The greatest that a weight may be.
inline constexpr std::uint32_t greatest_weight = 65'535;

/// By what all weights of the group are multiplied, so that a part of a small one is still a whole
/// number: 100 where loads or slow starts change them, less where the greatest weight would not
/// have room, 1 elsewhere. Always 1 for ovf and sh, whose weights are numbers of something.
std::uint32_t weight_scale(const ServiceGroup& group);

/// For wrr, whose cursor gives one real server connection after connection while only its weight is
/// high enough: of 1000 and 503 it makes 497 in a row. Rounds the weights to multiples of a number
/// as great as can be, each by a fiftieth at most.
void interleave(std::vector<dataplane::Server>& servers);

/// `factor` is in per mille. Never 0 where `weight` is not: a real server without connections is
/// none that serves little.
std::uint32_t weight_in_force(std::uint32_t weight, std::uint32_t factor, std::uint32_t scale);

}  // namespace shoal::director
