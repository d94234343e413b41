#include "wire.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace shoal::ipvs {
namespace {

using dataplane::testing::PacketBuilder;

constexpr std::size_t ethernet = 14;
constexpr int patience_ms = 5'000;

void require(bool good, const std::string& what) {
    if (!good) throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

Bytes ip_packet(const Bytes& frame) {
    return {frame.begin() + ethernet, frame.end()};
}

bool is_tcp_reset(const Bytes& frame) {
    return frame.size() >= ethernet + 40 && frame[ethernet + 9] == IPPROTO_TCP &&
           (frame[ethernet + 33] & dataplane::testing::rst) != 0;
}

bool is_icmp(const Bytes& frame) {
    return frame.size() > ethernet + 9 && frame[ethernet + 9] == IPPROTO_ICMP;
}

Fate only(const std::vector<Bytes>& frames, Fate::Way way) {
    if (frames.size() != 1)
        throw std::runtime_error(std::to_string(frames.size()) + " packets came of one");
    return {way, way == Fate::Way::to_server ? server_of(frames[0].data()) : net::Address{},
            ip_packet(frames[0])};
}

}  // namespace

void PrintTo(const Fate& fate, std::ostream* out) {
    switch (fate.way) {
        case Fate::Way::dropped:
            *out << "dropped";
            return;
        case Fate::Way::local:
            *out << "left to the stack";
            return;
        case Fate::Way::to_server:
            *out << "to " << fate.server.to_string();
            break;
        case Fate::Way::to_client:
            *out << "to the client";
            break;
    }
    *out << " as" << std::hex;
    for (const auto byte : fate.packet)
        *out << (byte < 16 ? " 0" : " ") << +byte;
    *out << std::dec;
}

net::MacAddress mac_of(const net::Address& server) {
    const auto& bytes = server.bytes();
    return {{0x02, 0, bytes[0], bytes[1], bytes[2], bytes[3]}};
}

net::Address server_of(const std::uint8_t* destination_mac) {
    std::uint32_t bits = 0;
    std::copy_n(destination_mac + 2, 4, reinterpret_cast<std::uint8_t*>(&bits));
    return net::Address::v4(bits);
}

Wire::End::End(const char* device) {
    // Bound to one protocol it sees what comes in and not what it sent itself.
    socket = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));
    require(socket >= 0, "packet socket");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_IP);
    address.sll_ifindex = static_cast<int>(if_nametoindex(device));
    require(address.sll_ifindex != 0, device);
    require(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, device);
}

Wire::End::~End() {
    ::close(socket);
}

void Wire::End::send(const Bytes& frame, std::uint32_t mark) const {
    require(::setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0, "mark");
    require(::send(socket, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()),
            "sending a packet");
}

Bytes Wire::End::receive(int milliseconds) const {
    pollfd waiting{socket, POLLIN, 0};
    if (::poll(&waiting, 1, milliseconds) <= 0) return {};
    Bytes frame(2048);
    const ssize_t length = ::recv(socket, frame.data(), frame.size(), 0);
    require(length >= 0, "receiving a packet");
    frame.resize(static_cast<std::size_t>(length));
    return frame;
}

Wire::Wire() {
    // One CPU's queue keeps the order of what is sent.
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    require(::sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "pinning to a CPU");
    client_follower_ = PacketBuilder::udp({"198.51.100.254", 9}, {"10.2.1.254", 9})
                           .macs(client_side_mac, {0x02, 0, 0, 0, 0, 1})
                           .build();
    server_follower_ = PacketBuilder::udp({"10.2.1.254", 9}, {"198.51.100.254", 9})
                           .macs(server_side_mac, {0x02, 0, 0, 0, 0, 2})
                           .build();
}

Wire::~Wire() = default;

Wire::Frames Wire::exchange(const End& from, const End& to, const Bytes& frame, std::uint32_t mark,
                            const Bytes& follower) {
    from.send(frame, mark);
    from.send(follower, 0);
    Frames frames;
    const Bytes awaited(follower.begin() + ethernet + 12, follower.end());
    for (;;) {
        Bytes next = to.receive(patience_ms);
        if (next.empty()) throw std::runtime_error("the packet sent behind does not arrive");
        // Addresses, ports and payload; the time to live and the checksum have changed.
        if (Bytes(next.begin() + ethernet + 12, next.end()) == awaited) break;
        frames.far_end.push_back(std::move(next));
    }
    for (Bytes next = from.receive(0); !next.empty(); next = from.receive(0))
        frames.near_end.push_back(std::move(next));
    return frames;
}

Fate Wire::from_client(const Bytes& frame, std::uint32_t mark) {
    const Frames frames = exchange(client_, server_, frame, mark, client_follower_);
    if (!frames.far_end.empty()) return only(frames.far_end, Fate::Way::to_server);
    if (frames.near_end.empty() || is_icmp(frames.near_end.front())) return {};
    if (is_tcp_reset(frames.near_end.front())) return {Fate::Way::local, {}, {}};
    throw std::runtime_error("the director answered by itself");
}

Fate Wire::from_server(const Bytes& frame) {
    const Frames frames = exchange(server_, client_, frame, 0, server_follower_);
    if (!frames.far_end.empty()) return only(frames.far_end, Fate::Way::to_client);
    return {};
}

}  // namespace shoal::ipvs
