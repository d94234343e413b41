#include "base/sha256.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace shoal {

namespace {
constexpr std::string_view digits = "0123456789abcdef";
}

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    std::string text;
    for (const auto byte : digest) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

bool is_sha256(std::string_view text) {
    return text.size() == std::size_t{2} * SHA256_DIGEST_LENGTH &&
           std::ranges::all_of(text, [](char c) { return digits.contains(c); });
}

}  // namespace shoal
