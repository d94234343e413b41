#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/pool.h"
#include "dataplane/bpf/pool_store.h"
#include "dataplane/bpf/server_records.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// Virtual servers and their pools in the maps. The order of writes is such that a packet sees a
/// virtual server and a real server whole or not at all, and that repair() can finish what a kill
/// interrupted: a virtual server exists while `services` has its key, a real server while a pool
/// names it.
class VirtualServers {
  public:
    /// Brings a service's cursor (rr, wrr) up to its current pool. Where that fails, the next
    /// packet does it.
    using CarryCursor = std::function<void(std::uint32_t service)>;

    /// All references outlive it.
    VirtualServers(const Tables& tables, const PinDirectory& pins, CarryCursor carry_cursor);

    Result<void> add(const AddService& add);
    Result<void> edit(const EditService& edit);
    Result<void> remove(const RemoveService& remove);
    Result<void> add_server(const AddServer& add);
    Result<void> edit_server(const EditServer& edit);
    Result<void> remove_server(const RemoveServer& remove);
    void set_next_hop(const net::Address& real_server, const NextHop& hop) {
        records_.set_next_hop(real_server, hop);
    }

    struct Entry {
        std::uint32_t index;
        Service service;
        /// Of the servers, in the same order.
        std::vector<std::uint32_t> server_indices;
    };
    /// By key.
    Result<std::vector<Entry>> list();
    /// Finishes or undoes what an interrupted operation left half-done.
    Result<void> repair();

  private:
    struct Pool {
        std::uint32_t service;
        shoal_pool pool;
    };
    Result<std::optional<std::uint32_t>> find(const shoal_service_key& key) const;
    Result<std::uint32_t> require(const ServiceKey& key) const;
    Result<Pool> pool_of(const ServiceKey& key);
    Result<std::uint32_t> find_free() const;
    Result<void> put(std::uint32_t service, std::span<const shoal_pool_member> list,
                     const shoal_pool& previous, Cursor cursor);
    Result<void> fill(std::uint32_t index, const AddService& add);
    void release_servers(const shoal_pool& pool) const;
    Result<void> drop(std::uint32_t index);
    Result<void> drop_leftover(std::uint32_t index);
    void release_unlisted(const std::vector<bool>& listed) const;
    void set_scheduler(std::uint32_t index, model::Scheduler scheduler) const;
    void restart_cursor(std::uint32_t index, __u32 generation) const;

    const Tables* tables_;
    PoolStore pools_;
    ServerRecords records_;
    CarryCursor carry_cursor_;
};

}  // namespace shoal::dataplane
