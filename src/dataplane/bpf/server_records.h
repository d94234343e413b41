#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// The entries of server_table. An entry is taken from the moment a real server is added until,
/// after its removal, its last connection is gone; added again before that, the server gets its
/// entry and its connections back, as in IPVS.
class ServerRecords {
  public:
    /// `tables` outlives it.
    explicit ServerRecords(const Tables& tables) : tables_(&tables) {}

    /// The entry is filled, but in no pool yet.
    Result<std::uint32_t> take(std::uint32_t service, const Server& server);
    void set_method(std::uint32_t index, model::ForwardingMethod method) const;
    /// Only after no pool holds the entry any more.
    void release(std::uint32_t index) const;
    /// For every entry of this address, and for entries taken later.
    void set_next_hop(const net::Address& real_server, const NextHop& hop);
    /// By index of the virtual server: whether a real server, or the connections of a removed one,
    /// belong to it.
    std::vector<bool> services_with_entries() const;

  private:
    std::uint32_t find_removed(std::uint32_t service, const Server& server) const;
    Result<std::uint32_t> find_free() const;
    void write_next_hop(std::uint32_t index, const NextHop& hop) const;

    const Tables* tables_;
    std::map<net::Address, NextHop> next_hops_;
};

}  // namespace shoal::dataplane
