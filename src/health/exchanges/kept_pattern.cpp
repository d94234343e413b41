#include <map>
#include <string>

#include "health/exchanges/exchanges.h"

namespace shoal::health {

std::optional<model::Pattern> kept_pattern(std::string_view text,
                                           model::Pattern::Characters characters) {
    // Compiling takes as long as all the rest of a check. Of configurations long gone, patterns
    // must not pile up.
    constexpr std::size_t most_kept = 1024;
    thread_local std::map<std::pair<std::string, model::Pattern::Characters>, model::Pattern> kept;
    std::pair key{std::string(text), characters};
    if (const auto found = kept.find(key); found != kept.end()) return found->second;
    auto pattern = model::Pattern::compile(text, characters);
    if (!pattern) return std::nullopt;
    if (kept.size() >= most_kept) kept.clear();
    return kept.emplace(std::move(key), *std::move(pattern)).first->second;
}

}  // namespace shoal::health
