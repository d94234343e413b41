#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/pool.h"
#include "dataplane/bpf/pool_store.h"
#include "dataplane/bpf/server_records.h"
#include "dataplane/bpf/service_records.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// One step of a list of real servers, or a new scheduler. Cursors follow step by step.
struct PoolChange {
    enum class Kind { add, edit, remove, schedule };
    Kind kind = Kind::schedule;
    PoolMember member{};
    std::uint32_t scheduler = 0;
    std::uint32_t flags = 0;
    std::uint32_t mh_table_size = 0;
};
void apply_change(Pool& pool, const PoolChange& change);

/// What a batch makes of one virtual server.
struct Draft {
    std::uint32_t index = 0;
    ServiceKey key;
    /// Before and after the batch.
    bool existed = false;
    bool exists = true;
    ServiceOptions old_options;
    ServiceOptions options;
    Pool old_pool;
    Pool pool;
    std::vector<PoolChange> changes;
    /// Entries of server_table of the members of `pool`.
    std::map<ServerKey, std::uint32_t> members;
    /// Real servers whose entries are to be written, by entry.
    std::map<std::uint32_t, Server> written;
    /// Members of `old_pool` that leave, by entry.
    std::map<std::uint32_t, model::RemovedConnections> removed;
    /// A real server joins, and all shall count as freshly added.
    bool levels = false;
    /// Where its packets come and came by.
    std::set<Endpoint> endpoints;
    /// Those of the batch that fail where it cannot be carried out.
    std::vector<std::size_t> operations;
    std::map<std::uint32_t, ServerRecords::Saved> saved;

    bool is_new() const { return exists && !existed; }
    bool pool_changes() const;
};

/// The operations of a batch on virtual servers, checked one after the other, each against what
/// those before it make; nothing that packets see is changed.
class BatchPlan {
  public:
    /// `operations` are all of them on virtual servers. All references outlive the plan.
    BatchPlan(std::span<const Operation> operations, ServiceRecords& services,
              ServerRecords& servers, PoolStore& pools);

    /// In the order of their first operations.
    std::list<Draft>& drafts() { return drafts_; }
    /// By operation.
    std::vector<Result<void>>& results() { return results_; }

  private:
    struct Check;
    Result<void> add(const AddService& add);
    Result<void> edit(const EditService& edit);
    Result<void> remove(const RemoveService& remove);
    Result<void> add_server(const AddServer& add);
    Result<void> edit_server(const EditServer& edit);
    Result<void> remove_server(const RemoveServer& remove);

    void find_leaving(std::span<const Operation> operations);
    Draft* find(const ServiceKey& key);
    ServiceKey key_at(std::uint32_t index) const;
    Result<Draft*> draft_of(const ServiceKey& key);
    Result<void> claim(Draft& draft, const ServiceOptions& options);
    void put_claims(Draft& draft, const std::vector<PortClaim>& claims);
    void change(Draft& draft, const PoolChange& change) const;

    ServiceRecords& services_;
    ServerRecords& servers_;
    PoolStore& pools_;
    std::list<Draft> drafts_;
    std::vector<Result<void>> results_;
    std::size_t current_ = 0;
    /// By key, the draft that stands for it now.
    std::map<ServiceKey, Draft*> by_key_;
    /// Virtual servers that the batch removes, and the last operation that does.
    std::map<ServiceKey, std::size_t> leaving_;
    std::optional<std::vector<bool>> named_;
};

}  // namespace shoal::dataplane
