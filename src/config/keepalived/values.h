#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/configuration.h"

// The values of keepalived.conf. Unset: the text is none.

namespace shoal::config::keepalived {

/// "3", "0.25": seconds, to the millisecond; at most a year.
std::optional<model::milliseconds> seconds_of(std::string_view text);

/// A whole number, not negative, at most `most`.
std::optional<std::uint64_t> number_of(std::string_view text, std::uint64_t most);
/// The same with a sign, at most `most` on either side.
std::optional<std::int64_t> signed_number_of(std::string_view text, std::int64_t most);

/// on, true, yes; off, false, no.
std::optional<bool> flag_of(std::string_view text);

/// The words of a script's text; single quotes hold blanks together.
std::vector<std::string> command_of(std::string_view text);

/// "200.1-10", "200.250-201.10", "200.8/29" and one address: all addresses; empty: it is none, or
/// there are more than `most`.
std::vector<net::Address> addresses_of(std::string_view text, std::size_t most);

/// Bytes in hexadecimal with blanks between them as they please: "Ab12f 3" is AB 12 0F 03.
std::optional<std::string> bytes_of(const std::vector<std::string>& words);

}  // namespace shoal::config::keepalived
