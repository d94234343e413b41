#pragma once

#include <array>

#include "model/choices.h"

namespace shoal::model {

/// What an administrator wants of a real server, whatever its checks say. In rising order: where
/// the virtual servers of a firewall mark differ, the greatest one holds.
enum class AdministrativeState {
    enabled,
    draining,     ///< no new connections; those that it has go on
    maintenance,  ///< likewise, and nobody is told when its checks fail
    disabled,     ///< out of the pool, its connections end; it is not checked
};

template <>
struct Choices<AdministrativeState> {
    static constexpr std::array all{
        Choice{AdministrativeState::enabled, "enabled", "Enabled"},
        Choice{AdministrativeState::draining, "draining", "Draining"},
        Choice{AdministrativeState::maintenance, "maintenance", "Maintenance"},
        Choice{AdministrativeState::disabled, "disabled", "Disabled"},
    };
};

}  // namespace shoal::model
