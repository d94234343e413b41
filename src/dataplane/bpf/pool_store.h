#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "abi.h"
#include "base/result.h"
#include "dataplane/bpf/descriptor.h"
#include "dataplane/bpf/pin_directory.h"

namespace shoal::dataplane {

/// The inner maps of `pools`, one per virtual server. Each is pinned as well, because opening a map
/// by its number needs CAP_SYS_ADMIN, which shoald does without.
class PoolStore {
  public:
    /// `pools` is the outer map; both outlive the store.
    PoolStore(const PinDirectory& pins, int pools) : pins_(&pins), pools_(pools) {}

    /// The service's current pool; nothing if it has none.
    Result<std::optional<shoal_pool>> get(std::uint32_t service);
    /// When this returns, no program holds the former pool any more (the kernel waits for it).
    Result<void> put(std::uint32_t service, const shoal_pool& pool);
    Result<void> remove(std::uint32_t service);

    static constexpr const char* directory = "pool_of_service";

  private:
    Result<Descriptor> find_pin(std::uint32_t service, std::uint32_t id) const;

    const PinDirectory* pins_;
    int pools_;
    std::map<std::uint32_t, Descriptor> open_;
};

}  // namespace shoal::dataplane
