#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/keepalived/remarks.h"
#include "config/keepalived/timing.h"
#include "config/keepalived/tree.h"
#include "model/monitor.h"

// A checker of a real server: TCP_CHECK { ... } and the others.

namespace shoal::config::keepalived {

/// The block SSL: what this director shows of itself.
struct TlsFiles {
    std::string certificate;
    std::string key;
};

struct Check {
    /// The checker's own word.
    std::string keyword;
    Place place;
    /// With the address, port and host that it names itself.
    model::Monitor monitor;
    Timing timing;
    Timing defaults;
};

/// What it looks into; of several the deepest is taken.
int depth_of(const Check& check);

bool is_checker(std::string_view keyword);

/// Unset, with a remark, where nothing here is like it. `virtual_host`: of the real server or the
/// virtual server.
std::optional<Check> read_check(const Statement& statement, const std::string& virtual_host,
                                const TlsFiles& tls, Remarks& remarks);

}  // namespace shoal::config::keepalived
