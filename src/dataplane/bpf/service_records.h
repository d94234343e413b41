#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/access_lists.h"
#include "dataplane/bpf/pool.h"
#include "dataplane/bpf/port_tables.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"
#include "dataplane/port_claims.h"

namespace shoal::dataplane {

/// The virtual servers without their pools: service_table, the ports by which packets find them,
/// and the access lists. A virtual server exists while its record is in use: packets find one that
/// is new a moment earlier, and one that is removed a moment longer, but never half of it.
class ServiceRecords {
  public:
    /// `tables` outlives it.
    explicit ServiceRecords(const Tables& tables);

    /// Reads what the maps hold and finishes or undoes what was left half-done.
    Result<void> load();

    /// The index of a virtual server that exists.
    std::optional<std::uint32_t> find(const ServiceKey& key) const;
    const std::map<ServiceKey, std::uint32_t>& all() const { return keys_; }
    /// What was applied, if the maps still say that (they keep times in ticks, and lists sorted).
    ServiceOptions options(std::uint32_t index) const;
    /// Of one that exists.
    ServiceKey key(std::uint32_t index) const;
    /// Which packets are sent to it; none to one that does not exist.
    std::vector<MarkMatch> matches_of(std::uint32_t index) const;
    ClaimBook& claims() { return claims_; }

    /// An index that nothing names; `named` are those that must not be used. It is reserved until
    /// it exists or is forgotten.
    Result<std::uint32_t> reserve(const std::vector<bool>& named);
    /// Whether the index has ever belonged to a virtual server.
    bool was_used(std::uint32_t index) const;
    /// Writes the record of a reserved index.
    Result<void> create(std::uint32_t index, const ServiceKey& key, const ServiceOptions& options);
    /// Of one that exists: what is new takes effect; access that was given or denied before is
    /// taken back by finish(). Where it fails, nothing has changed.
    Result<void> edit(std::uint32_t index, const ServiceOptions& options);
    Result<void> finish(std::uint32_t index, const ServiceOptions& options);
    /// Sends the ports of these endpoints where claims() says. Where it fails, nothing has changed.
    Result<void> assign(const std::set<Endpoint>& endpoints);
    /// The virtual server exists from now on, or no longer.
    void publish(std::uint32_t index);
    void hide(std::uint32_t index);
    /// After hide(), or for one that never existed: its access list goes, its index is free.
    Result<void> forget(std::uint32_t index);
    /// Makes the record say what the pool in force does.
    void schedule_as(std::uint32_t index, const Pool& pool) const;
    /// From now on connections are of a new epoch.
    void raise_load_epoch(std::uint32_t index) const;
    /// To which packets are sent to a virtual server.
    std::set<net::Address> addresses() const;

  private:
    void write(std::uint32_t index, const ServiceOptions& options);
    void learn_marks();
    __u32 hz() const { return tables_->settings[0].hz; }

    const Tables* tables_;
    PortTables ports_;
    AccessLists access_;
    ClaimBook claims_;
    std::map<ServiceKey, std::uint32_t> keys_;
    std::map<std::uint32_t, ServiceOptions> applied_;
    std::set<std::uint32_t> reserved_;
};

}  // namespace shoal::dataplane
