#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "model/configuration.h"

namespace shoal::config {

/// The text of a shoal.toml changed so that it reads as `intended`. Only what is different is
/// touched: every other byte, comments, order, blank lines and spelling, stays. A setting that is
/// changed keeps the comment behind it; a new one stands behind the last of its table.
///
/// The error is one sentence: `text` or `intended` is not valid, or `text` is written in a way that
/// cannot be changed so. A text that is returned was read again, and is `intended`.
std::expected<std::string, std::string> edit_toml(std::string_view text,
                                                  const model::Configuration& intended);

}  // namespace shoal::config
