#include "health/echo_sockets.h"

#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "health/check_socket.h"

namespace shoal::health {

namespace asio = boost::asio;

namespace {

template <class T>
T random_value() {
    T value{};
    // Of this size it neither fails nor is it cut short, once the system is up.
    while (getrandom(&value, sizeof value, 0) != sizeof value) {
    }
    return value;
}

/// Echo replies and errors only.
void filter_types(int socket, bool v6) {
    if (v6) {
        icmp6_filter filter{};
        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
        ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &filter);
        set_option(socket, IPPROTO_ICMPV6, ICMP6_FILTER, filter);
    } else {
        constexpr int icmp_filter_option = 1;
        // A set bit keeps the type out.
        const std::uint32_t filter = ~((1U << ICMP_ECHOREPLY) | (1U << ICMP_DEST_UNREACH));
        set_option(socket, SOL_RAW, icmp_filter_option, filter);
    }
}

/// Of the echo replies only those with this identifier: the answers to others' pings do not wake
/// this process.
void filter_identifier(int socket, bool v6, std::uint16_t identifier) {
    const auto type = static_cast<std::uint8_t>(v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
    // The packet begins with its IPv4 header, but without an IPv6 one; x is where ICMP begins.
    sock_filter begin = v6 ? sock_filter BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0)
                           : sock_filter BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
    std::array<sock_filter, 7> code{{
        begin,
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type, 0, 2),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, identifier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    const sock_fprog program{.len = code.size(), .filter = code.data()};
    set_option(socket, SOL_SOCKET, SO_ATTACH_FILTER, program);
}

int open_raw(bool v6, std::uint16_t identifier) {
    const int socket = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                v6 ? static_cast<int>(IPPROTO_ICMPV6) : IPPROTO_ICMP);
    if (socket < 0) return -errno;
    // Room for the answers to all checks of some thousand servers while the loop is busy. Without
    // CAP_NET_ADMIN it stays as small as it is.
    set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
    filter_types(socket, v6);
    filter_identifier(socket, v6, identifier);
    return socket;
}

/// Room for the one control message that names a packet's source address.
struct SourceControl {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes{};
};

template <class Info>
void put_control(msghdr& message, SourceControl& control, int level, int type, const Info& info) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof info);
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

void put_source(msghdr& message, SourceControl& control, const net::Address& source) {
    if (source.is_v6()) {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, source.bytes().data(), sizeof info.ipi6_addr);
        put_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
    } else {
        in_pktinfo info{};
        info.ipi_spec_dst.s_addr = source.v4_bits();
        put_control(message, control, IPPROTO_IP, IP_PKTINFO, info);
    }
}

net::Address address_of(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &storage, sizeof v6);
        std::array<std::uint8_t, 16> bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return net::Address::v6(bytes);
    }
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return net::Address::v4(v4.sin_addr.s_addr);
}

EchoSockets::Ticket ticket_of(bool v6, std::uint16_t sequence) {
    return (v6 ? 0x20000U : 0x10000U) | sequence;
}

}  // namespace

/// One raw socket. It waits only while somebody waits for an answer.
class EchoSockets::Socket : public std::enable_shared_from_this<Socket> {
  public:
    Socket(EchoSockets& owner, bool v6, int socket)
        : owner_(owner), v6_(v6), descriptor_(owner.loop_, socket) {}

    int send(const EchoRequest& request, const std::optional<net::Address>& source);
    void listen();
    void stop();

  private:
    void woken();
    void receive_all();

    EchoSockets& owner_;
    bool v6_;
    asio::posix::stream_descriptor descriptor_;
    bool listening_ = false;
};

int EchoSockets::Socket::send(const EchoRequest& request,
                              const std::optional<net::Address>& source) {
    auto bytes = echo_message(request);
    SocketAddress to(request.to, 0);
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_name = &to.storage;
    message.msg_namelen = to.length;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    SourceControl control;
    if (source) put_source(message, control, *source);
    if (sendmsg(descriptor_.native_handle(), &message, MSG_NOSIGNAL) >= 0) return 0;
    return errno;
}

void EchoSockets::Socket::listen() {
    if (std::exchange(listening_, true)) return;
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [weak = weak_from_this()](const boost::system::error_code& error) {
                               if (error) return;
                               if (const auto alive = weak.lock()) alive->woken();
                           });
}

void EchoSockets::Socket::stop() {
    if (std::exchange(listening_, false)) descriptor_.cancel();
}

void EchoSockets::Socket::woken() {
    // Stopped meanwhile, or stopped and begun again: another wait is under way then.
    if (!std::exchange(listening_, false)) return;
    receive_all();
    if (!owner_.waiting_.empty()) listen();
}

void EchoSockets::Socket::receive_all() {
    // Enough for any burst; what is left wakes the loop again.
    constexpr int most_packets = 256;
    std::array<char, 2048> buffer;
    for (int packets = 0; packets < most_packets; ++packets) {
        sockaddr_storage from{};
        socklen_t length = sizeof from;
        const auto size = recvfrom(descriptor_.native_handle(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &length);
        if (size < 0) return;
        owner_.received(v6_, {buffer.data(), static_cast<std::size_t>(size)}, address_of(from));
    }
}

EchoSockets::EchoSockets(asio::io_context& loop)
    : loop_(loop), identifier_(random_value<std::uint16_t>()) {}

EchoSockets::~EchoSockets() = default;

EchoSockets::Socket* EchoSockets::socket_for(bool v6, int& error_number) {
    auto& socket = sockets_.at(v6 ? 1 : 0);
    if (!socket) {
        const int opened = open_raw(v6, identifier_);
        if (opened < 0) {
            error_number = -opened;
            return nullptr;
        }
        socket = std::make_shared<Socket>(*this, v6, opened);
    }
    return socket.get();
}

std::optional<std::uint16_t> EchoSockets::free_sequence(bool v6) {
    for (int tries = 0; tries <= 0xffff; ++tries) {
        const auto sequence = ++last_sequence_;
        if (!waiting_.contains(ticket_of(v6, sequence))) return sequence;
    }
    return std::nullopt;
}

EchoSockets::Sent EchoSockets::send(const net::Address& to,
                                    const std::optional<net::Address>& source, OnEvent on_event) {
    const bool v6 = to.is_v6();
    Sent sent;
    auto* socket = socket_for(v6, sent.error_number);
    if (!socket) return sent;
    const auto sequence = free_sequence(v6);
    if (!sequence) return {.error_number = ENOBUFS};
    const EchoRequest request{.to = to,
                              .identifier = identifier_,
                              .sequence = *sequence,
                              .token = random_value<std::uint64_t>()};
    sent.error_number = socket->send(request, source);
    if (sent.error_number != 0) return sent;
    sent.ticket = ticket_of(v6, *sequence);
    waiting_.emplace(sent.ticket, Waiting{request, std::move(on_event)});
    socket->listen();
    return sent;
}

void EchoSockets::forget(Ticket ticket) {
    waiting_.erase(ticket);
    if (!waiting_.empty()) return;
    for (const auto& socket : sockets_) {
        if (socket) socket->stop();
    }
}

void EchoSockets::received(bool v6, std::string_view packet, const net::Address& from) {
    const auto news = v6 ? read_echo_v6(packet) : read_echo_v4(packet);
    if (!news || news->identifier != identifier_) return;
    const auto found = waiting_.find(ticket_of(v6, news->sequence));
    if (found == waiting_.end()) return;
    const auto& request = found->second.request;
    // An error comes from anywhere on the way, and may quote too little of the request.
    const auto& about = news->is_reply ? from : news->to;
    if (about != request.to || news->token.value_or(request.token) != request.token) return;
    const auto on_event = std::move(found->second.on_event);
    waiting_.erase(found);
    on_event(news->is_reply ? Event::reply : Event::unreachable);
}

}  // namespace shoal::health
