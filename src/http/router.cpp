#include "http/router.h"

#include <algorithm>

namespace shoal::http {

std::vector<std::string> pattern_segments(std::string_view pattern) {
    std::vector<std::string> segments;
    while (pattern.starts_with('/')) {
        pattern.remove_prefix(1);
        const auto end = std::min(pattern.find('/'), pattern.size());
        segments.emplace_back(pattern.substr(0, end));
        pattern.remove_prefix(end);
    }
    return segments;
}

std::optional<Parameters> match_path(std::span<const std::string> pattern,
                                     std::span<const std::string> path) {
    if (pattern.size() != path.size()) return {};
    Parameters parameters;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const auto& expected = pattern[i];
        if (expected.starts_with('{') && !path[i].empty()) {
            parameters.emplace(expected.substr(1, expected.size() - 2), path[i]);
        } else if (expected != path[i]) {
            return {};
        }
    }
    return parameters;
}

std::string_view method_name(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::put:
            return "PUT";
        case Method::post:
            return "POST";
        case Method::delete_:
            return "DELETE";
        case Method::other:
            break;
    }
    return "another method";
}

}  // namespace shoal::http
