#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"

namespace shoal::health {

/// The error of a socket in the words of the field: "connection refused", "no route to host".
std::string socket_error_in_words(int error_number);

/// "2 s", "1.5 s", "300 ms".
std::string in_words(Milliseconds duration);

/// The bytes in double quotes on one line, at most `longest` of them, others than printable ASCII
/// escaped.
std::string in_quotes(std::string_view bytes, std::size_t longest = 32);

}  // namespace shoal::health
