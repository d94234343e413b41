#pragma once

#include <array>
#include <cstdint>
#include <map>
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
    /// Address, port and protocol as the records have them; port 0: all of the address's ports.
    using Key = std::tuple<Address, __u16, __u8>;
    struct Claim {
        Key key;
        std::uint32_t server;
        /// Of a virtual server of one address and port, so that answers can be translated.
        bool translatable;
        auto operator<=>(const Claim&) const = default;
    };
    using Origins = std::map<Key, std::pair<std::uint32_t, std::uint32_t>>;

    static shoal_origin_key to_map(const Key& key);
    Origins unambiguous() const;

    const Tables* tables_;
    std::map<std::uint32_t, std::set<Claim>> claims_;
    Origins held_;
};

}  // namespace shoal::dataplane
