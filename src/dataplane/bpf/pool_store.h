#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abi.h"
#include "base/result.h"
#include "dataplane/bpf/descriptor.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/pool.h"

namespace shoal::dataplane {

/// The inner maps of `pools`, one per virtual server. Each is pinned as well, because opening a map
/// by its number needs CAP_SYS_ADMIN, which shoald does without.
class PoolStore {
  public:
    /// `pools` is the outer map; both outlive the store.
    PoolStore(const PinDirectory& pins, int pools) : pins_(&pins), pools_(pools) {}

    /// The service's current pool; nothing if it has none.
    Result<std::optional<Pool>> get(std::uint32_t service);
    /// Makes a pool that swap_staged() puts in force.
    Result<void> stage(std::uint32_t service, std::span<const shoal_pool_node> nodes);
    /// When this returns, no program holds the former pools any more: the kernel waits for that
    /// once (Linux before 6.8: once a pool), which takes some milliseconds. The services whose
    /// pool it refused, which keep their former one.
    std::map<std::uint32_t, Error> swap_staged();
    /// As swap_staged() waits. Services without a pool are left alone.
    Result<void> remove(std::span<const std::uint32_t> services);
    /// What an interrupted change left of services whose entry in `exists` is false.
    Result<void> remove_unless(const std::vector<bool>& exists);

    static constexpr const char* directory = "pool_of_service";

  private:
    Result<Descriptor> find_pin(std::uint32_t service, std::uint32_t id) const;
    Result<void> unpin(std::uint32_t service) const;
    std::map<std::uint32_t, Error> update(std::span<const std::uint32_t> services,
                                          std::span<const int> maps) const;

    const PinDirectory* pins_;
    int pools_;
    /// What get() read, as long as it is the current one. What packets change in it is no part of
    /// a Pool.
    struct Known {
        std::uint32_t id = 0;
        Pool pool{};
    };
    std::map<std::uint32_t, Known> known_;
    std::map<std::uint32_t, Descriptor> staged_;
};

}  // namespace shoal::dataplane
