#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "health/echo_packet.h"
#include "net/address.h"

namespace shoal::health {

/// Echo requests (ICMP, RFC 792, and ICMPv6, RFC 4443) of all checks over one raw socket for each
/// family, which is opened at the first request. Needs CAP_NET_RAW.
class EchoSockets {
  public:
    /// An answer, or that somebody on the way says that there will be none.
    enum class Event { reply, unreachable };
    using OnEvent = std::function<void(Event)>;

    explicit EchoSockets(boost::asio::io_context& loop);
    ~EchoSockets();

    /// Names a request, to forget it. Never 0.
    using Ticket = std::uint32_t;
    struct Sent {
        /// Set: nothing was sent, an errno.
        int error_number = 0;
        Ticket ticket = 0;
    };
    /// Sends one request; `on_event` is called at most once, from the loop.
    Sent send(const net::Address& to, const std::optional<net::Address>& source, OnEvent on_event);
    void forget(Ticket ticket);

  private:
    class Socket;
    struct Waiting {
        EchoRequest request;
        OnEvent on_event;
    };

    /// Null with an errno.
    Socket* socket_for(bool v6, int& error_number);
    void received(bool v6, std::string_view packet, const net::Address& from);
    std::optional<std::uint16_t> free_sequence(bool v6);

    boost::asio::io_context& loop_;
    /// Of this process, and unlike that of any ping that runs here.
    std::uint16_t identifier_;
    std::uint16_t last_sequence_ = 0;
    std::array<std::shared_ptr<Socket>, 2> sockets_;
    std::map<Ticket, Waiting> waiting_;
};

}  // namespace shoal::health
