#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "config/import.h"
#include "config/keepalived/expansion.h"
#include "config/keepalived/sources.h"

namespace shoal::config::keepalived {

/// What a keepalived.conf says, as far as Shoal has it, and a remark on every line that it has
/// otherwise or not at all. What comes out is valid as shoal.toml. Refused: what is no
/// keepalived.conf at all, or becomes too large.
Imported import_keepalived(std::string_view text, const ExpansionOptions& options,
                           Sources& sources);

}  // namespace shoal::config::keepalived
