#include "config/services.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <array>

namespace shoal::config {

std::optional<std::uint16_t> service_port(const std::string& name, const char* protocol) {
    constexpr std::size_t enough = 8192;
    std::array<char, enough> memory{};
    servent entry{};
    servent* found = nullptr;
    const int failed =
        ::getservbyname_r(name.c_str(), protocol, &entry, memory.data(), memory.size(), &found);
    if (failed != 0 || found == nullptr) return std::nullopt;
    return ntohs(static_cast<std::uint16_t>(found->s_port));
}

}  // namespace shoal::config
