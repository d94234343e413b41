#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/edit/written_text.h"

// What stands between brackets: items with their commas, on one line or on many.

namespace shoal::config::edit {

/// One place in the list that is to be: an item of the present one, or a new one.
struct Arranged {
    std::optional<std::size_t> present;
    /// Where there is no present one.
    Assignment fresh;
};

/// Gives an array or an inline table these items in this order. Those that stay keep their
/// comments; a new one is laid out as its neighbours are. The comments above a plain value that
/// goes stay.
void arrange(Value& list, std::vector<Arranged> arranged, std::string_view line_end);

/// A scalar in place of the value, between the quotation marks that the old one has where they
/// suit it.
void replace_scalar(Value& value, std::string_view text);

}  // namespace shoal::config::edit
