#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/batch_plan.h"
#include "dataplane/bpf/nat_origins.h"
#include "dataplane/bpf/pool_store.h"
#include "dataplane/bpf/server_records.h"
#include "dataplane/bpf/service_records.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// Virtual servers, their pools and their real servers in the maps. The order of writes is such
/// that a packet sees a virtual server and a real server whole or not at all, and that repair() can
/// finish what a kill interrupted: a virtual server exists while its record is in use, a real
/// server while a pool names it.
class VirtualServers {
  public:
    /// Takes into a service's current pool what happened to its servers' loads while it was built.
    /// Where that fails, the next change of each load does it.
    using RefreshPool = std::function<void(std::uint32_t service)>;

    /// All references outlive it.
    VirtualServers(const Tables& tables, const PinDirectory& pins, RefreshPool refresh_pool);

    /// Reads what the maps hold; finishes or undoes what an interrupted operation left half-done.
    /// Before anything else.
    Result<void> repair();

    /// Operations on virtual servers only; see Dataplane::apply_all(). The kernel waits some
    /// milliseconds for all pools that are swapped, not for each.
    std::vector<Result<void>> apply(std::span<const Operation> operations);
    /// Those that were set there so far.
    void take_next_hops_of(const VirtualServers& other) {
        servers_.take_next_hops_of(other.servers_);
    }
    void set_next_hop(const net::Address& real_server, const NextHop& hop) {
        servers_.set_next_hop(real_server, hop);
    }

    struct Entry {
        std::uint32_t index;
        /// Without the options.
        Service service;
        /// Of the servers, in the same order.
        std::vector<std::uint32_t> server_indices;
    };
    /// By key.
    Result<std::vector<Entry>> list();
    ServiceOptions options(std::uint32_t index) const { return services_.options(index); }
    /// Of a firewall mark.
    std::vector<MarkMatch> matches_of(std::uint32_t index) const {
        return services_.matches_of(index);
    }
    std::vector<net::Address> kept_addresses() const { return servers_.kept_addresses(); }

  private:
    using Drafts = std::list<Draft>;
    /// The error that a draft fails with.
    using Failures = std::map<const Draft*, Error>;

    void commit(Drafts& drafts, Failures& failures);
    void prepare(Drafts& drafts, Failures& failures);
    Result<void> prepare(Draft& draft);
    Result<void> stage(const Draft& draft, const Pool& from, Pool to);
    void swap(Drafts& drafts, Failures& failures);
    void move_cursor(const Draft& draft) const;
    void assign_ports(Drafts& drafts, Failures& failures);
    void finish(Draft& draft);
    void put_claims(const Draft& draft, bool exists, const ServiceOptions& options);
    void drop_gone(const Drafts& drafts, const Failures& failures);
    void level(const Draft& draft) const;
    void undo(Draft& draft);
    void undo_swap(Draft& draft);
    void write_address_bits(const Drafts& drafts) const;
    void widen_origins(const Drafts& drafts, const Failures& failures);
    void settle_origins(const Drafts& drafts, const Failures& failures);
    Result<void> repair_pool(std::uint32_t index, std::vector<bool>& listed);
    void release_unlisted(const std::vector<bool>& listed) const;

    const Tables* tables_;
    PoolStore pools_;
    ServerRecords servers_;
    ServiceRecords services_;
    NatOrigins origins_;
    RefreshPool refresh_pool_;
};

}  // namespace shoal::dataplane
