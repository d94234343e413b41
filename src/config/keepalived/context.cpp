#include "config/keepalived/context.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/text.h"

namespace shoal::config::keepalived {

std::string unique_name(std::string_view wanted, std::set<std::string, std::less<>>& names) {
    // With room for the number behind it, whatever the characters are.
    constexpr std::size_t longest = model::max_name_length - 8;
    std::string base(wanted.substr(0, longest));
    if (!model::parse_name(base)) base = "unnamed";
    auto name = base;
    // Of many equal ones not each looks for its number from the beginning.
    constexpr std::size_t few = 10;
    for (std::size_t number = 2; !names.insert(name).second; ++number) {
        if (number == few) number = std::max(few, names.size());
        name = fmt::format("{}-{}", base, number);
    }
    return name;
}

}  // namespace shoal::config::keepalived
