#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/keepalived/context.h"
#include "config/keepalived/tree.h"

namespace shoal::config::keepalived {

/// Of what one instance has many of: what follows is left out, with one remark.
inline constexpr std::size_t most_of_instance = 255;

using Scripts = std::map<std::string, model::TrackedCommand, std::less<>>;

/// The blocks vrrp_script, by their names.
Scripts read_scripts(const std::vector<Statement>& tree, Remarks& remarks);

/// What a block track_interface or track_script adds to an instance.
void track_devices(const Statement& block, model::VrrpInstance& instance, Remarks& remarks);
void track_scripts(const Statement& block, const Scripts& scripts, model::VrrpInstance& instance,
                   Remarks& remarks);

}  // namespace shoal::config::keepalived
