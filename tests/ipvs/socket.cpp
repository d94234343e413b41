#include "socket.h"

#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "tunnel_network.h"

namespace shoal::ipvs {
namespace {

constexpr timeval patience{30, 0};

template <class Number>
Number require(Number result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

template <class T>
void set_option(int socket, int level, int option, const T& value) {
    require(::setsockopt(socket, level, option, &value, sizeof(value)), "socket option");
}

template <class T>
T option_of(int socket, int level, int option) {
    T value{};
    socklen_t size = sizeof(value);
    require(::getsockopt(socket, level, option, &value, &size), "socket option");
    return value;
}

/// Calls `use` with the address as sockets take it.
template <class Use>
void with_address(const net::Address& address, std::uint16_t port, Use use) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error =
        ::getaddrinfo(address.to_string().c_str(), std::to_string(port).c_str(), &hints, &found);
    if (error != 0) throw std::runtime_error(::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    use(found->ai_addr, found->ai_addrlen);
}

}  // namespace

Socket Socket::make(const net::testing::Namespace& where, int type, bool v6) {
    const Visit visit(where);
    Socket made(::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0), v6);
    require(made.socket_.get(), "socket");
    set_option(made.socket_.get(), SOL_SOCKET, SO_RCVTIMEO, patience);
    set_option(made.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, patience);
    return made;
}

void Socket::bind(const net::Address& address, std::uint16_t port) const {
    with_address(address, port, [&](const sockaddr* name, socklen_t size) {
        require(::bind(socket_.get(), name, size), "bind");
    });
}

void Socket::listen() const {
    require(::listen(socket_.get(), 1), "listen");
}

Socket Socket::accept() const {
    Socket accepted(require(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"),
                    v6_);
    set_option(accepted.socket_.get(), SOL_SOCKET, SO_RCVTIMEO, patience);
    set_option(accepted.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, patience);
    return accepted;
}

void Socket::connect(const net::Address& address, std::uint16_t port) const {
    with_address(address, port, [&](const sockaddr* name, socklen_t size) {
        require(::connect(socket_.get(), name, size), "connect");
    });
}

void Socket::connect_to_sender() const {
    sockaddr_storage sender{};
    socklen_t size = sizeof(sender);
    auto* const name = reinterpret_cast<sockaddr*>(&sender);
    require(::recvfrom(socket_.get(), nullptr, 0, MSG_PEEK, name, &size), "receiving");
    require(::connect(socket_.get(), name, size), "connect");
}

void Socket::forbid_fragments() const {
    if (v6_)
        set_option(socket_.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
    else
        set_option(socket_.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
}

int Socket::path_mtu() const {
    return v6_ ? option_of<int>(socket_.get(), IPPROTO_IPV6, IPV6_MTU)
               : option_of<int>(socket_.get(), IPPROTO_IP, IP_MTU);
}

std::uint64_t Socket::segments_sent() const {
    return option_of<tcp_info>(socket_.get(), IPPROTO_TCP, TCP_INFO).tcpi_data_segs_out;
}

std::uint64_t Socket::segments_received() const {
    return option_of<tcp_info>(socket_.get(), IPPROTO_TCP, TCP_INFO).tcpi_data_segs_in;
}

void Socket::send(const Content& content) const {
    for (std::size_t sent = 0; sent < content.size();) {
        sent += static_cast<std::size_t>(require(
            ::send(socket_.get(), &content[sent], content.size() - sent, MSG_NOSIGNAL), "sending"));
    }
}

void Socket::end_sending() const {
    require(::shutdown(socket_.get(), SHUT_WR), "shutdown");
}

Content Socket::receive() const {
    Content content(1 << 16);
    const auto size =
        require(::recv(socket_.get(), content.data(), content.size(), 0), "receiving");
    content.resize(static_cast<std::size_t>(size));
    return content;
}

int Socket::receive_error() const {
    return ::recv(socket_.get(), nullptr, 0, 0) < 0 ? errno : 0;
}

Content Socket::receive_all() const {
    Content all;
    for (Content next = receive(); !next.empty(); next = receive())
        all.insert(all.end(), next.begin(), next.end());
    return all;
}

}  // namespace shoal::ipvs
