#include "net/packet_socket.h"

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace shoal::net {

Result<PacketSocket> PacketSocket::open() {
    // Protocol 0: the socket receives nothing.
    const int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return fail(system_error("opening a packet socket", errno));
    return PacketSocket(descriptor);
}

PacketSocket::~PacketSocket() {
    if (descriptor_ >= 0) close(descriptor_);
}

Result<void> PacketSocket::send(std::uint32_t interface_index, std::span<const std::byte> frame) {
    // The interface is said with each frame: a socket bound to one would be lost with it.
    sockaddr_ll interface{};
    interface.sll_family = AF_PACKET;
    interface.sll_ifindex = static_cast<int>(interface_index);
    const auto sent = sendto(descriptor_, frame.data(), frame.size(), 0,
                             reinterpret_cast<const sockaddr*>(&interface), sizeof interface);
    if (sent < 0) return fail(system_error("sending a frame", errno));
    return {};
}

}  // namespace shoal::net
