#include "health/loads/rwho.h"

#include <bit>
#include <cstddef>

namespace shoal::health {

namespace {

// The head of `struct whod` of protocols/rwhod.h, most significant bytes first.
constexpr char version = 1;
constexpr char status = 1;
constexpr std::size_t sent_at = 4;
constexpr std::size_t host_at = 12;
constexpr std::size_t host_length = 32;
constexpr std::size_t load_at = 44;
constexpr std::size_t booted_at = 56;
constexpr std::size_t head_length = 60;

std::int32_t word(std::string_view datagram, std::size_t at) {
    std::uint32_t value = 0;
    for (const char byte : datagram.substr(at, 4))
        value = value << 8 | static_cast<unsigned char>(byte);
    return std::bit_cast<std::int32_t>(value);
}

/// Such times are unsigned where they are still in use: signed ones end in 2038.
std::int64_t time(std::string_view datagram, std::size_t at) {
    return std::bit_cast<std::uint32_t>(word(datagram, at));
}

}  // namespace

std::optional<RwhoPacket> read_rwho(std::string_view datagram) {
    if (datagram.size() < head_length) return std::nullopt;
    if (datagram[0] != version || datagram[1] != status) return std::nullopt;
    const auto host = datagram.substr(host_at, host_length);
    return RwhoPacket{.host = std::string(host.substr(0, host.find('\0'))),
                      .sent = time(datagram, sent_at),
                      .booted = time(datagram, booted_at),
                      .load = word(datagram, load_at) / 100.0};
}

}  // namespace shoal::health
