#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <string>

#include "redundancy/floating_addresses.h"

namespace shoal::redundancy {

/// Announces floating addresses again: frames get lost, and switches that just came up drop them. A
/// router that missed the only one would send to the old hardware address for hours.
class Announcements {
  public:
    /// `addresses` must outlive this object.
    Announcements(boost::asio::io_context& loop, FloatingAddresses& addresses);

    /// Three more times, a second apart.
    void repeat(const FloatingAddress& address);
    /// Repeats for every floating address on the device.
    void device_came_up(const std::string& device);
    void stop();

  private:
    using Clock = std::chrono::steady_clock;
    struct Pending {
        FloatingAddress address;
        int times = 0;
        Clock::time_point due;
    };
    void schedule(Clock::time_point when);
    /// A bounded number of those that are due.
    void take_turn();
    void announce(const FloatingAddress& address);

    FloatingAddresses& addresses_;
    boost::asio::steady_timer timer_;
    /// The first to be due stands first.
    std::deque<Pending> pending_;
};

}  // namespace shoal::redundancy
