#pragma once

#include <cstdint>

#include "director/marks.h"

namespace shoal::director {

/// The greatest that a weight may be.
inline constexpr std::uint32_t greatest_weight = 65'535;

/// By what all weights of the group are multiplied, so that a part of a small one is still a whole
/// number: 100 where loads or slow starts change them, less where the greatest weight would not
/// have room, 1 elsewhere. Always 1 for ovf and sh, whose weights are numbers of something.
std::uint32_t weight_scale(const ServiceGroup& group);

/// `factor` is in per mille. Never 0 where `weight` is not: a real server without connections is
/// none that serves little.
std::uint32_t weight_in_force(std::uint32_t weight, std::uint32_t factor, std::uint32_t scale);

}  // namespace shoal::director
