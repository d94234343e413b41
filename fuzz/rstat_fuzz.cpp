// Any bytes as a datagram from a portmapper or rstatd.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "health/loads/rstat.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace rstat = shoal::health::rstat;
    const std::string_view datagram(reinterpret_cast<const char*>(data), size);
    const auto reply = rstat::read_reply(datagram);
    const auto results = reply ? reply->results : datagram;
    if (results.size() > size) std::abort();
    rstat::read_port(results);
    for (auto version = rstat::least_version; version <= rstat::greatest_version; ++version)
        rstat::read_load(version, results);
    return 0;
}
