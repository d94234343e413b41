#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/result.h"

namespace shoal::net {

/// Sends whole Ethernet frames and receives nothing. Keep it open: closing one waits for all CPUs
/// of the kernel (synchronize_net), ten milliseconds and more. Belongs to the network namespace of
/// the thread that opened it.
class PacketSocket {
  public:
    /// Needs CAP_NET_RAW.
    static Result<PacketSocket> open();
    PacketSocket(PacketSocket&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)) {}
    PacketSocket& operator=(PacketSocket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~PacketSocket();

    /// One frame, its header included, from the interface. Does not wait: a full queue is an error.
    Result<void> send(std::uint32_t interface_index, std::span<const std::byte> frame);

  private:
    explicit PacketSocket(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace shoal::net
