#include "health/check_socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "health/check_reason.h"
#include "health/exchange.h"

namespace shoal::health {

SocketAddress::SocketAddress(const net::Address& address, std::uint16_t port) {
    if (address.is_v6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof v6.sin6_addr);
        std::memcpy(&storage, &v6, sizeof v6);
        length = sizeof v6;
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        v4.sin_addr.s_addr = address.v4_bits();
        std::memcpy(&storage, &v4, sizeof v4);
        length = sizeof v4;
    }
}

namespace {

void prepare_tcp(int socket, bool server_speaks_first) {
    set_option(socket, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
    // The handshake's last ACK then goes with the request, or is replaced by the reset: where
    // nothing is exchanged, the server's kernel answers and its program is not even woken.
    if (!server_speaks_first) set_option(socket, IPPROTO_TCP, TCP_QUICKACK, 0);
}

/// Without it a UDP socket hears of a closed port, but not of an unreachable host.
void prepare_udp(int socket, bool v6) {
    if (v6) {
        set_option(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
    } else {
        set_option(socket, IPPROTO_IP, IP_RECVERR, 1);
    }
}

/// 0 or an errno.
int bind_to(int socket, const net::Address& source) {
    // The port is chosen in connect: it must be free only towards that server.
    set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const SocketAddress address(source, 0);
    return ::bind(socket, address.get(), address.length) == 0 ? 0 : errno;
}

/// Whether an error of connect, send or receive comes from the server or the way to it.
bool is_answer_of_network(int error_number) {
    switch (error_number) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case EADDRNOTAVAIL:
        case EAFNOSUPPORT:
        case EAGAIN:
        case EACCES:
        case EPERM:
        case EINVAL:
            return false;
        default:
            return true;
    }
}

}  // namespace

int open_check_socket(const Question& question, SocketOrder order) {
    const bool v6 = question.address.is_v6();
    const int type = (order.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const int socket = ::socket(v6 ? AF_INET6 : AF_INET, type, 0);
    if (socket < 0) return -errno;
    if (order.udp) {
        prepare_udp(socket, v6);
    } else {
        prepare_tcp(socket, order.server_speaks_first);
    }
    if (!question.monitor.source) return socket;
    const int error = bind_to(socket, *question.monitor.source);
    if (error == 0) return socket;
    ::close(socket);
    return -error;
}

bool is_own_address(const net::Address& address) {
    const int family = address.is_v6() ? AF_INET6 : AF_INET;
    const int socket = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return true;
    const bool bound = bind_to(socket, address) == 0;
    ::close(socket);
    return bound;
}

CheckResult result_of_error(int error_number, const Question& question) {
    // The kernel's own time limit, where ours is longer.
    if (error_number == ETIMEDOUT) return {Outcome::silent, "no answer"};
    const auto& source = question.monitor.source;
    const bool no_such_address = error_number == EADDRNOTAVAIL || error_number == EINVAL;
    auto words = no_such_address && source
                     ? fmt::format("it does not have the source address {}", source->to_string())
                     : socket_error_in_words(error_number);
    if (is_answer_of_network(error_number)) return {Outcome::failed, std::move(words)};
    return {Outcome::not_asked, "the director cannot check: " + words};
}

}  // namespace shoal::health
