#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "model/configuration.h"
#include "net/address.h"

namespace shoal::health {

/// What is asked of a real server.
struct Probe {
    net::Address address;
    std::uint16_t port = 0;
    model::Protocol protocol = model::Protocol::tcp;
    /// Empty: nothing is sent.
    std::string send;
    /// What the answer must begin with. Empty: over TCP it is enough that the port opens. Over UDP
    /// any answer to `send` is right; with both empty it is enough that nothing refuses an empty
    /// datagram until the timeout.
    std::string expect;
    Milliseconds timeout{};
};

enum class Outcome {
    answered,
    /// Refused, reset, unreachable, wrong answer.
    failed,
    /// Nothing, or not enough, until the timeout.
    silent,
    /// The director could not ask (no descriptors, no ports, its own firewall); this says nothing
    /// of the server.
    not_asked,
};

struct CheckResult {
    Outcome outcome = Outcome::silent;
    /// In plain words; empty if `answered`.
    std::string reason;
};

/// One check of one real server, from the director's own address as routing chooses it. A TCP
/// connection is ended by a reset, so that the director keeps no TIME_WAIT socket.
class Check {
  public:
    using OnDone = std::function<void(const CheckResult&)>;

    /// `on_done` is called once, from the loop and never from within this call.
    Check(boost::asio::io_context& loop, std::shared_ptr<const Probe> probe, OnDone on_done);
    /// Gives the check up; `on_done` is then never called.
    ~Check();
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;

  private:
    class Run;
    std::shared_ptr<Run> run_;
};

}  // namespace shoal::health
