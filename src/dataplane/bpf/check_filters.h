#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/devices.h"

namespace shoal::dataplane {

/// A program of checks to virtual addresses. At ingress it stands behind the packet path, and so
/// sees only what that leaves to the kernel.
struct CheckFilter {
    enum class Side { ingress, egress };
    Side side = Side::ingress;
    /// 4 or 6.
    std::uint32_t family = 4;
    int program = -1;
};

/// Makes these the filters of their kind at the device, which has the packet path's qdisc. Nothing
/// is touched where they are there already.
Result<void> set_check_filters(const Device& device, const std::vector<CheckFilter>& wanted);

}  // namespace shoal::dataplane
