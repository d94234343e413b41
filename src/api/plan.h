#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/plan.h"
#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

// POST /api/v1/plan, the text of a shoal.toml: what it would change, or 422 with its problems.
// {"changes": [{"kind": "changed", "path": [{"key": "virtual_server", "name": "web"},
// {"key": "scheduler"}], "before": "wlc", "after": "sh", "what": ..., "effect": ...,
// "severity": "new connections", "ended_connections": 0, "moved": 0.5 or null}],
// "pools": [{"virtual_servers": ["web"], "moved": ..., "shares": [{"real_server": "web-1",
// "before": 0.5, "after": 0.25}]}], "ended_connections": 0, "severity": "new connections"}
http::HttpResponse post_plan(director::Control& control, const http::HttpRequest& request);

nlohmann::json to_json(const config::Plan& plan);

/// What the command shows of such an answer.
struct PlanText {
    struct Line {
        /// The table it is in: `virtual_server "web"`, "global".
        std::string table;
        std::string what;
        std::string effect;
    };
    std::vector<Line> lines;
    std::uint64_t ended_connections = 0;
    /// "none", "new connections", "ends connections"
    std::string severity;
};
Result<PlanText> parse_plan(std::string_view text);

}  // namespace shoal::api
