#pragma once

#include <string_view>

#include "base/result.h"

namespace shoal::health {

/// Above it nothing is a load.
inline constexpr double greatest_load = 10'000;

/// The load itself, or why it cannot be one: negative, no number, above greatest_load.
Result<double> plausible_load(double load);

/// The load in `text`. `value` is empty: all of it is a number; a JSON pointer (RFC 6901), as
/// "/load/one": a number there, or a text that is one; else the name of a metric in Prometheus'
/// text format, whose first sample counts, or name and labels as they stand in the text.
Result<double> read_load_text(std::string_view text, std::string_view value);

/// The body of a whole answer to a request of HTTP/1.0: what stands behind the head until the
/// connection ended, or as much of it as the head announces. The error says what is wrong, as with
/// a status other than 200.
Result<std::string_view> http_body(std::string_view answer);
/// Whether all came that the head announces.
bool is_whole_http(std::string_view answer);

}  // namespace shoal::health
