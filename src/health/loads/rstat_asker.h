#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "base/clock.h"
#include "health/loads/load_reading.h"
#include "net/address.h"

namespace shoal::health {

/// Asks rstatd of any number of real servers by one UDP socket of each address family. Where it
/// listens, and which version it speaks, is remembered for the next question until it is silent.
class RstatAsker {
  public:
    explicit RstatAsker(boost::asio::io_context& loop);
    /// Who still waits is never called.
    ~RstatAsker();
    RstatAsker(const RstatAsker&) = delete;
    RstatAsker& operator=(const RstatAsker&) = delete;

    /// `port` is rstatd's; 0: the portmapper at `portmapper_port` knows. Each datagram is sent
    /// again a few times within `timeout`. `on_reading` is called once, from the loop and never
    /// from within this call.
    void ask(const net::Address& address, std::uint16_t port, std::uint16_t portmapper_port,
             Milliseconds timeout, OnReading on_reading);

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
    boost::asio::io_context& loop_;
};

}  // namespace shoal::health
