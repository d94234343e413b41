#pragma once

#include <optional>
#include <vector>

#include "config/edit/tables.h"

namespace shoal::config::edit {

/// For each table of `intended`, which one of `present` it is: the one of the same name (of a mark,
/// of the same value), or one that is much the same under another name. Each at most once.
std::vector<std::optional<std::size_t>> match(const std::vector<TableView>& present,
                                              const std::vector<TableView>& intended);

/// The longest row of them that is in order already: true for those that need not move. Unset ones
/// are in no order.
std::vector<bool> in_order(const std::vector<std::optional<std::size_t>>& places);

}  // namespace shoal::config::edit
