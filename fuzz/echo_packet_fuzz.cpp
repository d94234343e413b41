// What a raw ICMP socket receives, of either family.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "health/echo_packet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view packet(reinterpret_cast<const char*>(data), size);
    for (const auto& news :
         {shoal::health::read_echo_v4(packet), shoal::health::read_echo_v6(packet)}) {
        if (news && news->is_reply && !news->token) std::abort();
    }
    return 0;
}
