#pragma once

#include <sys/socket.h>

#include "health/check.h"
#include "net/address.h"

namespace shoal::health {

/// An address in the form of the socket calls.
struct SocketAddress {
    SocketAddress(const net::Address& address, std::uint16_t port);
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

    sockaddr_storage storage{};
    socklen_t length = 0;
};

template <class T>
int set_option(int socket, int level, int option, const T& value) {
    return setsockopt(socket, level, option, &value, sizeof value);
}

struct SocketOrder {
    bool udp = false;
    /// The server says the first word: the handshake's last ACK does not wait for ours.
    bool server_speaks_first = false;
};

/// A non-blocking socket for `question`, bound to its source, or a negative errno. A TCP one resets
/// its connection when it is closed.
int open_check_socket(const Question& question, SocketOrder order);

/// Whether the director may send from this address.
bool is_own_address(const net::Address& address);

/// What the error of a connect, send or receive says of the server.
CheckResult result_of_error(int error_number, const Question& question);

}  // namespace shoal::health
