#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "abi.h"
#include "base/result.h"
#include "dataplane/bpf/service_options.h"

namespace shoal::dataplane {

/// The map `access_list`. Nobody else writes it, so this object knows what it holds. A list changes
/// in two steps, between which its virtual server's flags are set: what is new is added, then what
/// is old removed. So every client meets the old decision or the new one.
class AccessLists {
  public:
    explicit AccessLists(int map) : map_(map) {}

    /// Reads what the kernel holds. Once, before anything else.
    /// `family`: 6 or 4, of a virtual server.
    Result<void> load(const std::function<__u8(std::uint32_t service)>& family);
    AccessEntries of(std::uint32_t service) const;
    /// Where it fails, the list is as it was.
    Result<void> add(std::uint32_t service, const AccessEntries& wanted);
    Result<void> remove_others(std::uint32_t service, const AccessEntries& wanted);
    /// Lists of services that `exists(index)` denies.
    template <class Exists>
    Result<void> remove_unless(Exists&& exists) {
        for (auto list = held_.begin(); list != held_.end();) {
            const std::uint32_t service = (list++)->first;
            if (exists(service)) continue;
            if (auto done = remove_others(service, {}); !done) return done;
        }
        return {};
    }

  private:
    Result<void> write(std::uint32_t service, const net::Prefix& prefix, const bool* may);

    int map_;
    std::map<std::uint32_t, AccessEntries> held_;
};

}  // namespace shoal::dataplane
