// Any bytes as a datagram from rwhod.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "health/loads/rwho.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto packet =
        shoal::health::read_rwho(std::string_view(reinterpret_cast<const char*>(data), size));
    if (packet && packet->host.size() > 32) std::abort();
    return 0;
}
