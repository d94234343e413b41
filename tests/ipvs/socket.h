#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/bpf/descriptor.h"
#include "net/address.h"
#include "net/testing_network.h"

namespace shoal::ipvs {

using Content = std::vector<char>;

/// A socket of the kernel's. What takes more than half a minute fails, as everything does, by
/// std::system_error.
class Socket {
  public:
    /// Stays in the namespace, and the calling thread where it is. `type`: SOCK_STREAM or
    /// SOCK_DGRAM.
    static Socket make(const net::testing::Namespace& where, int type, bool v6);

    void bind(const net::Address& address, std::uint16_t port) const;
    void listen() const;
    Socket accept() const;
    void connect(const net::Address& address, std::uint16_t port) const;
    /// To where the datagram that waits came from.
    void connect_to_sender() const;

    /// A datagram that is too long for the way is refused (EMSGSIZE) and not fragmented.
    void forbid_fragments() const;
    /// What is known of the way so far; only where it is connected.
    int path_mtu() const;
    /// TCP segments with content, also those that were sent again.
    std::uint64_t segments_sent() const;
    std::uint64_t segments_received() const;

    void send(const Content& content) const;
    void end_sending() const;
    /// A datagram.
    Content receive() const;
    /// What came instead of a datagram, as errno has it; 0: a datagram.
    int receive_error() const;
    /// Until the other end has sent everything.
    Content receive_all() const;

  private:
    explicit Socket(int socket, bool v6) : socket_(socket), v6_(v6) {}

    dataplane::Descriptor socket_;
    bool v6_;
};

}  // namespace shoal::ipvs
