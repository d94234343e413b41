#include "api/parameters.h"

#include <charconv>

#include "model/choices.h"

namespace shoal::api {

Result<std::uint32_t> parse_number(std::string_view text, std::uint32_t lowest,
                                   std::uint32_t highest) {
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end || number < lowest || number > highest)
        return fail(
            fmt::format("\"{}\" is not a whole number from {} to {}", text, lowest, highest));
    return number;
}

Result<model::Protocol> parse_protocol(std::string_view text) {
    const auto protocol = model::value_of<model::Protocol>(text);
    if (!protocol) return fail(fmt::format("\"{}\" is no protocol: tcp or udp", text));
    return *protocol;
}

}  // namespace shoal::api
