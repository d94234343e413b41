#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "model/configuration.h"

namespace shoal::api {

/// What stands behind a request's "?", by name.
using Parameters = std::map<std::string, std::string>;

Result<std::uint32_t> parse_number(std::string_view text, std::uint32_t lowest,
                                   std::uint32_t highest);
Result<model::Protocol> parse_protocol(std::string_view text);

/// Puts a parsed value into its place.
template <class T, class U>
Result<void> put(T& place, Result<U> value) {
    if (!value) return fail(value.error());
    place = std::move(*value);
    return {};
}

/// `read` takes the value to fill, a parameter's name and its text. Errors name the parameter.
template <class T, class Read>
Result<T> read_parameters(const Parameters& parameters, Read read) {
    T value;
    for (const auto& [name, text] : parameters) {
        if (auto done = read(value, name, text); !done)
            return fail(done.error().within(fmt::format("parameter \"{}\"", name)));
    }
    return value;
}

}  // namespace shoal::api
