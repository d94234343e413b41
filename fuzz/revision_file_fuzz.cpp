#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "config/revision_format.h"

// The files of the revision store: whatever they hold is refused, or means what is written of it.
// The checksum is put right here, since nothing else would ever get behind it.

namespace {

using shoal::config::parse_revision;
using shoal::config::parse_standing;

std::string sealed(std::string_view content) {
    return shoal::sha256(content) + "\n" + std::string(content);
}

template <class T>
void expect_same(const shoal::Result<T>& once, const shoal::Result<T>& again) {
    if (once && (!again || *again != *once)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (parse_revision(bytes) && !bytes.starts_with(shoal::sha256(bytes.substr(65)))) std::abort();
    const auto revision = parse_revision(sealed(bytes));
    if (revision) expect_same(revision, parse_revision(revision_file(*revision)));
    const auto standing = parse_standing(sealed(bytes));
    if (standing) expect_same(standing, parse_standing(standing_file(*standing)));
    return 0;
}
