// Any bytes as a frame that came out of the fragment holder's device. What is taken for a later
// fragment must be long enough to be one.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "dataplane/bpf/held_fragments.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto frame = std::as_bytes(std::span(data, size));
    const auto key = shoal::dataplane::fragment_key_of(frame);
    if (!key) return 0;
    if (key->family != 4 && key->family != 6) std::abort();
    if (size < (key->family == 4 ? 14U + 20 : 14U + 40 + 8)) std::abort();
    return 0;
}
