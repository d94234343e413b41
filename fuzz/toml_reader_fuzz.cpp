// Any bytes give a configuration, or problems that can be shown.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/toml_reader.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const shoal::config::ReadOptions options{.devices = {{"lo", "wan0", "lan0"}}};
    const auto result = shoal::config::read_toml(text, options);
    if (result) return 0;

    const auto lines = 1 + std::ranges::count(text, '\n');
    require(!result.error().empty());
    for (const auto& problem : result.error()) {
        require(problem.line >= 1 && problem.line <= lines && problem.column >= 1);
    }
    require(!shoal::config::render(result.error(), "shoal.toml", text).empty());
    return 0;
}
