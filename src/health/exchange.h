#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/check_ways.h"
#include "health/check.h"
#include "model/monitor.h"
#include "net/address.h"

namespace shoal::health {

/// What both sides of a check say, without a socket: fed with what came, it says what is sent next
/// and how the check ended. A connection's exchange gets bytes in any pieces, a datagram's gets
/// each datagram whole.
class Exchange {
  public:
    virtual ~Exchange() = default;

    struct Step {
        /// To be sent now; empty: nothing.
        std::string send;
        /// Set: the check is over, after `send` was handed to the kernel.
        std::optional<CheckResult> result;
    };

    /// The connection is there (and its TLS handshake done), or the datagram socket is.
    virtual Step begin() = 0;
    virtual Step received(std::string_view bytes) = 0;
    /// The other side closed its connection in order.
    virtual Step ended() = 0;
    /// For the words of a silence: what was heard so far, at most some hundred bytes of it.
    virtual std::string_view heard() const = 0;
};

/// Whom and what a check asks.
struct Question {
    net::Address address;
    std::uint16_t port = 0;
    model::Protocol protocol = model::Protocol::tcp;
    model::Monitor monitor;
    /// Of the real server and its virtual server, for programs.
    std::string name;
    net::Address virtual_address;
    /// Of a check that goes to the virtual address.
    std::optional<dataplane::ClientWay> way{};
    bool operator==(const Question&) const = default;
};

/// Of the types whose check is an exchange; null for none, program, tls and icmp.
std::unique_ptr<Exchange> make_exchange(const Question& question);

}  // namespace shoal::health
