// Any bytes give a configuration, whose JSON reads as the same, or problems that can be shown.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/json_reader.h"
#include "config/notes.h"
#include "config/toml_reader.h"
#include "model/json.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check_places(const std::vector<shoal::config::Problem>& problems, std::string_view text) {
    const auto lines = 1 + std::ranges::count(text, '\n');
    for (const auto& problem : problems)
        require(problem.line >= 1 && problem.line <= lines && problem.column >= 1);
}

/// As the API hands it out, it is the same configuration.
void check_json(const shoal::model::Configuration& configuration,
                const shoal::config::ReadOptions& options) {
    const auto again = shoal::config::read_json(shoal::model::to_json(configuration), options);
    require(again && *again == configuration);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const shoal::config::ReadOptions options{.devices = {{"lo", "wan0", "lan0"}}};
    const auto result = shoal::config::read_toml(text, options);
    if (result) {
        const auto notes = shoal::config::notes_on(*result, text);
        check_places(notes, text);
        require(notes.empty() == shoal::config::render_notes(notes, "shoal.toml", text).empty());
        check_json(*result, options);
        return 0;
    }
    require(!result.error().empty());
    check_places(result.error(), text);
    require(!shoal::config::render(result.error(), "shoal.toml", text).empty());
    return 0;
}
