#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "model/configuration.h"
#include "net/address.h"
#include "net/testing_network.h"

namespace shoal::ipvs {

/// A kind of tunnel with the family of the packets in it and of its own.
struct Way {
    model::TunnelType tunnel;
    bool inner_v6;
    bool outer_v6;

    /// "gre_6in4"
    std::string name() const;
    /// In bytes, of its headers.
    std::size_t overhead() const;
    /// What the outer header says of its content.
    std::uint8_t protocol() const;
    /// The one address at which the real server's kernel takes such tunnels.
    net::Address real_server() const;
};
void PrintTo(const Way& way, std::ostream* out);
std::vector<Way> every_way();

/// While it lives the calling thread is in that namespace.
class Visit {
  public:
    explicit Visit(const net::testing::Namespace& where) { where.enter(); }
    ~Visit() { before_.enter(); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

  private:
    net::testing::Namespace before_ = net::testing::Namespace::current();
};

/// Gives the director, in whose namespace it is made, the devices wan0 and lan0. `client` behind
/// wan0 reaches virtual servers through it; `server` behind lan0 has the kernel's own device for
/// each Way, and a link to `client` for its answers.
class TunnelNetwork {
  public:
    /// Of every link, in bytes.
    static constexpr std::size_t mtu = 1500;

    TunnelNetwork();

    /// Gives the real server one that it has not had.
    net::Address add_virtual_address(bool v6);
    /// Off: the director's stack cuts what is longer than a packet and fills in checksums before
    /// lan0 gets it.
    void set_offloads(bool on) const;
    /// What the real server's kernel has thrown away: counts that are not 0, one a line.
    std::string losses() const;

    const net::testing::Namespace& client() const { return client_; }
    const net::testing::Namespace& server() const { return server_; }

  private:
    net::testing::Namespace director_ = net::testing::Namespace::current();
    net::testing::Namespace client_ = net::testing::Namespace::create();
    net::testing::Namespace server_ = net::testing::Namespace::create();
    unsigned virtual_addresses_ = 0;
};

/// Sees the packets of one Way that reach the real server from now on.
class TunnelWatch {
  public:
    TunnelWatch(const TunnelNetwork& network, const Way& way);
    /// The length of the next one in bytes, without the Ethernet header; 0 where none comes within
    /// ten seconds.
    std::size_t next() const;

  private:
    Way way_;
    net::testing::Capture capture_;
};

}  // namespace shoal::ipvs
