#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/bpf/testing/packet_builder.h"
#include "net/address.h"

namespace shoal::ipvs {

using Bytes = dataplane::testing::Bytes;

/// The devices of network.sh.
inline constexpr dataplane::testing::Mac client_side_mac{0x02, 0, 0, 0, 0, 0xc0};
inline constexpr dataplane::testing::Mac server_side_mac{0x02, 0, 0, 0, 0, 0x50};

/// What a director made of one packet.
struct Fate {
    enum class Way {
        dropped,    /// also: refused by an ICMP error
        to_server,  /// sent on
        to_client,  /// a reply, or a real server's own traffic
        local,      /// TCP that was left to the director's own stack, which resets it
    };
    Way way = Way::dropped;
    /// Where it was sent by its MAC address; only for to_server.
    net::Address server;
    /// From its IP header on, where it was sent.
    Bytes packet;
    bool operator==(const Fate&) const = default;
};
void PrintTo(const Fate& fate, std::ostream* out);

/// network.sh gives every real server a MAC address that ends in its address.
net::MacAddress mac_of(const net::Address& server);
net::Address server_of(const std::uint8_t* destination_mac);

/// The far ends of the guest's two wires. What was sent has been dealt with completely when a call
/// returns: a plain routed packet is sent behind it and awaited. Throws std::runtime_error where
/// the network is not as network.sh makes it.
class Wire {
  public:
    Wire();
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    /// `mark`: the firewall mark that the packet carries.
    Fate from_client(const Bytes& frame, std::uint32_t mark);
    Fate from_server(const Bytes& frame);

  private:
    /// A packet socket on the far end of a wire.
    struct End {
        explicit End(const char* device);
        ~End();
        void send(const Bytes& frame, std::uint32_t mark) const;
        /// Empty where none comes within so many milliseconds.
        Bytes receive(int milliseconds) const;
        int socket = -1;
    };
    /// Sends the frame and what waits behind it; every frame that came out of the two ends before.
    struct Frames {
        std::vector<Bytes> near_end;
        std::vector<Bytes> far_end;
    };
    Frames exchange(const End& from, const End& to, const Bytes& frame, std::uint32_t mark,
                    const Bytes& follower);

    End client_{"client1"};
    End server_{"server1"};
    Bytes client_follower_;
    Bytes server_follower_;
};

}  // namespace shoal::ipvs
