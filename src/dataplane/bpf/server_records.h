#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// The entries of server_table, and the thresholds in server_loads. An entry is taken from the
/// moment a real server is added until, after its removal, its last connection is gone and the
/// entry is needed; added again before that, the server gets its entry, its connections and its
/// counters back, as in IPVS.
class ServerRecords {
  public:
    /// `tables` outlives it.
    explicit ServerRecords(const Tables& tables);

    /// Looks at the table afresh. Before the reservations of each batch.
    void begin();
    /// The former entry of this server, or a new one: filled, but not available.
    Result<std::uint32_t> reserve(std::uint32_t service, const ServerKey& server);
    /// Before a service's index is used again.
    void forget_servers_of(std::uint32_t service);

    /// What a batch changes before it is sure to succeed.
    struct Saved {
        __u8 flags;
        __u8 method;
        __u8 tunnel;
        __be16 tunnel_port;
        __u32 upper;
        __u32 lower;
        __u32 last_weight;
        bool overloaded;
    };
    Saved save(std::uint32_t index) const;
    void restore(std::uint32_t index, const Saved& saved) const;
    /// Of that only what note_weight() changed.
    void restore_weight(std::uint32_t index, const Saved& saved) const;
    /// For mh, by IPVS's rule: the weight it was added with, or the last one since that was not 0.
    void note_weight(std::uint32_t index, std::uint32_t weight, bool added) const;
    /// Method, tunnel and thresholds; the server is available afterwards.
    void write(std::uint32_t index, const Server& server) const;
    /// That its connections go on when the server is released.
    void keep_connections(std::uint32_t index) const;
    /// What was kept is the server's own again. After the pool with it is in force.
    void settle(std::uint32_t index) const;
    /// Only after no pool holds the entry any more.
    void release(std::uint32_t index) const;

    /// `weight` is the pool's.
    Server server(std::uint32_t index, std::uint32_t weight) const;
    /// For every entry of this address, and for entries taken later.
    void set_next_hop(const net::Address& real_server, const NextHop& hop);
    /// Those that were set there so far; the entries have them already.
    void take_next_hops_of(const ServerRecords& other) { next_hops_ = other.next_hops_; }
    /// By index of the virtual server: whether a real server belongs to it, or a removed one that
    /// connections or persistence templates still name.
    std::vector<bool> services_with_entries() const;
    /// Of removed servers whose connections go on; ascending, each once.
    std::vector<net::Address> kept_addresses() const;

  private:
    using Place = std::pair<std::uint32_t, ServerKey>;
    bool has_connections(std::uint32_t index) const;
    /// By a connection or a persistence template.
    bool is_named(std::uint32_t index) const;
    Result<std::uint32_t> find_free();
    void put_record(std::uint32_t index, const shoal_server& record);
    void write_next_hop(std::uint32_t index, const NextHop& hop) const;

    const Tables* tables_;
    std::map<net::Address, NextHop> next_hops_;
    /// The entries that each address has, or had last.
    std::set<std::pair<net::Address, std::uint32_t>> entries_;
    /// Of removed servers, by virtual server.
    std::map<Place, std::uint32_t> removed_;
    /// Never used, or used for the last time: the next one at the back.
    std::vector<std::uint32_t> free_;
    bool searched_used_ = false;
};

}  // namespace shoal::dataplane
