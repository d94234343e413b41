#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/port_assignment.h"

namespace shoal::dataplane {

/// The maps by which packets find their virtual server: `services` (exact) and `service_ports`
/// (prefixes). Nobody else writes them, so this object knows what they hold.
class PortTables {
  public:
    using Assignments = std::map<Endpoint, PortAssignment>;

    PortTables(int services, int service_ports) : services_(services), prefixes_(service_ports) {}

    /// Reads what the kernel holds. Once, before anything else.
    Result<void> load();
    const Assignments& held() const { return held_; }
    /// Changes what differs at these endpoints, so that every packet meets its old or its new
    /// virtual server. Where it fails, everything is as it was.
    Result<void> put(const Assignments& wanted);

  private:
    /// An entry and what it shall be.
    struct Change {
        Endpoint endpoint;
        bool exact;
        PortPrefix prefix;
        std::optional<std::uint32_t> service;
    };
    std::optional<std::uint32_t> find(const Change& entry) const;
    Result<void> write(const Change& change);
    std::vector<Change> difference(const Assignments& wanted) const;

    int services_;
    int prefixes_;
    Assignments held_;
};

}  // namespace shoal::dataplane
