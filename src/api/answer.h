#pragma once

#include <fmt/format.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace shoal::api {

/// Runs `take` on the parsed text and the value to fill.
template <class T, class Take>
Result<T> parse_answer(std::string_view text, Take take) {
    try {
        T value;
        take(nlohmann::json::parse(text), value);
        return value;
    } catch (const std::exception& problem) {
        return fail(fmt::format("shoald's answer is not understood: {}", problem.what()));
    }
}

}  // namespace shoal::api
