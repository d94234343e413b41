#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "abi.h"

namespace shoal::dataplane {

/// The datagram that an Ethernet frame with a later fragment of IPv4 or IPv6 belongs to; nothing
/// where it is none. `frame` may hold any bytes.
std::optional<shoal_fragment_key> fragment_key_of(std::span<const std::byte> frame);

/// Fragments that came ahead of the first one of their datagram, see bpf/fragments.h. A plain
/// queue: it reads no clock and no device.
class HeldFragments {
  public:
    using Clock = std::chrono::steady_clock;
    using Frame = std::vector<std::byte>;
    /// Whether the first fragment has passed by.
    using IsKnown = std::function<bool(const shoal_fragment_key& key)>;

    static constexpr std::chrono::milliseconds longest{50};
    static constexpr std::size_t most = 512;

    bool full() const { return held_.size() >= most; }
    /// False where it is no later fragment, or there is no room.
    bool add(Frame frame, Clock::time_point now);
    /// Those to be sent on, in the order in which they came: the first fragment is known, or they
    /// have waited for the longest time. The others are looked at 1, 3, 7, ... ms after they came.
    std::vector<Frame> take(Clock::time_point now, const IsKnown& is_known);
    /// When take() is due next; nothing while it is empty.
    std::optional<Clock::time_point> next() const;

  private:
    struct Held {
        Frame frame;
        shoal_fragment_key key;
        Clock::time_point came;
        Clock::time_point next;
    };
    static bool is_over(Held& held, Clock::time_point now, const IsKnown& is_known);

    std::vector<Held> held_;
};

}  // namespace shoal::dataplane
