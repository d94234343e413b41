#pragma once

#include <string>
#include <string_view>

namespace shoal {

/// The SHA-256 of `bytes`, as 64 hexadecimal digits.
std::string sha256(std::string_view bytes);

/// Whether `text` has the form of what sha256() gives.
bool is_sha256(std::string_view text);

}  // namespace shoal
