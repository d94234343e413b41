#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/pool.h"
#include "dataplane/bpf/tables.h"

namespace shoal::dataplane {

/// The map nat_origins: which virtual server's answer a packet is that comes from a real server's
/// port, where that follows from the configuration alone. Only such virtual servers can be served
/// without records. Nobody else writes the map.
class NatOrigins {
  public:
    /// `tables` outlives it.
    explicit NatOrigins(const Tables& tables) : tables_(&tables) {}

    /// Reads what the map holds. Once, before anything else.
    Result<void> load();
    /// The real servers that packets of a virtual server may go to, by their records and its own;
    /// none: it is gone.
    void set(std::uint32_t service, std::span<const PoolMember> members);
    void add(std::uint32_t service, std::span<const PoolMember> members);
    /// Makes the map say so.
    Result<void> write();

  private:
    /// With the family, as records have it.
    using Address = std::pair<std::array<__be32, 4>, __u8>;
    /// Address, port and protocol as the records have them; see every_port_of().
    using Key = std::tuple<Address, __u16, __u8>;
    struct Claim {
        Key key;
        std::uint32_t server;
        auto operator<=>(const Claim&) const = default;
    };
    /// Virtual server and real server.
    using Origin = std::pair<std::uint32_t, std::uint32_t>;

    /// Of a virtual server of several ports, whose answers cannot be translated back.
    static Key every_port_of(const Address& address);
    static shoal_origin_key to_map(const Key& key);
    std::set<Claim> claims_of(std::uint32_t service, std::span<const PoolMember> members) const;
    void change(std::uint32_t service, std::set<Claim> now);
    void touch(const Claim& claim);
    /// Unset where answers from there could be of several virtual servers, or of none.
    std::optional<Origin> origin_of(const Key& key) const;
    Result<void> write(const Key& key);

    const Tables* tables_;
    std::map<std::uint32_t, std::set<Claim>> claims_;
    std::map<Key, std::set<Origin>> claimants_;
    /// What may have changed since it was written.
    std::set<Key> touched_;
    std::map<Key, Origin> held_;
};

}  // namespace shoal::dataplane
