#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "health/loads/rwho.h"
#include "net/address.h"

namespace shoal::health {

/// Hears what rwhod of any number of real servers broadcasts, by one UDP socket (IPv4: rwhod knows
/// no other). Packets must come from the same port.
class RwhoListener {
  public:
    /// Called from the loop for each packet, with the address that it came from.
    using OnPacket = std::function<void(const net::Address&, const RwhoPacket&)>;

    /// The error says why `port` cannot be listened to.
    static Result<std::unique_ptr<RwhoListener>> open(boost::asio::io_context& loop,
                                                      std::uint16_t port, OnPacket on_packet);
    ~RwhoListener();
    RwhoListener(const RwhoListener&) = delete;
    RwhoListener& operator=(const RwhoListener&) = delete;

  private:
    class Impl;
    explicit RwhoListener(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace shoal::health
