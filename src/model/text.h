#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/choices.h"
#include "model/configuration.h"

// The written form of values that are more than a number or a word. Reading and writing agree: what
// the second function of a pair writes, the first one reads as the same value.

namespace shoal::model {

/// "200ms", "1.5s", "2m", "1h", "1d": not negative, a whole number of milliseconds, below 10^15
/// of them.
Result<milliseconds> parse_duration(std::string_view text);
/// In the largest unit that divides it: "6s", "1500ms".
std::string format_duration(milliseconds duration);

/// The longest label of an address (IFNAMSIZ less the final zero).
inline constexpr std::size_t max_label_length = 15;
/// The name of a network device, "wan0": no blank, no '/', no ':', at most 15 characters.
Result<std::string> parse_device_name(std::string_view text);
/// "wan0" or "wan0:1", at most 15 characters in all.
Result<DeviceLabel> parse_device_label(std::string_view text);

/// "80", "8000-8100", "0" (every port).
Result<PortRange> parse_port_range(std::string_view text);
std::string format_port_range(const PortRange& range);

/// "255.255.255.0", "24" or "/24": 1 to 32 leading bits, without a gap.
Result<NetworkMask> parse_network_mask(std::string_view text);

/// The longest string that a check sends or expects, in bytes.
inline constexpr std::size_t max_exchange_length = 255;
/// Resolves \n \r \t \\ \" \' and allows printable ASCII and line feed, return and tab besides.
Result<std::string> parse_exchange(std::string_view text);
std::string format_exchange(std::string_view bytes);

/// The longest name of a virtual server, real server or director, in characters.
inline constexpr std::size_t max_name_length = 64;
/// A name for people: 1 to 64 characters of UTF-8, no control characters, no blank at either end.
Result<std::string> parse_name(std::string_view text);

/// The longest text of the form `line`, in bytes.
inline constexpr std::size_t max_line_length = 1024;
/// UTF-8 without control characters, at most max_line_length bytes; may be empty.
Result<std::string> parse_line(std::string_view text);

/// "200", "200-299": HTTP status codes, 100 to 599.
Result<StatusRange> parse_status_range(std::string_view text);
std::string format_status_range(const StatusRange& range);

/// One that can stand in an SMTP envelope, in printable ASCII without quoting; at most 254
/// characters (RFC 5321, 4.5.3.1.3).
bool is_mail_address(std::string_view text);

/// The number of characters of UTF-8 text; a stray byte counts as one.
std::size_t character_count(std::string_view text);
/// `text` between quotation marks for a message: control characters as '?', cut after 60
/// characters.
std::string in_quotes(std::string_view text);

// Values as TOML writes them.
std::string toml_text(bool value);
std::string toml_text(std::uint16_t value);
std::string toml_text(std::uint32_t value);
std::string toml_text(std::int32_t value);
std::string toml_text(const std::string& value);
std::string toml_text(milliseconds value);
std::string toml_text(const PortRange& value);
std::string toml_text(const StatusRange& value);
std::string toml_text(NetworkMask value);
template <Enumerated E>
std::string toml_text(E value) {
    return toml_text(std::string(name_of(value)));
}

}  // namespace shoal::model
