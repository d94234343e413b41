#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/parameters.h"
#include "base/result.h"
#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

/// What a request for counters' history asks.
struct HistoryQuery {
    director::RingQuestion question;
    /// Columns beside `seconds`; in the order of telemetry::Column.
    std::vector<telemetry::Column> fields;

    static Result<HistoryQuery> parse(const Parameters& parameters);
};

/// "1s", "10s", "5m".
std::string_view name_of(telemetry::RingWidth width);
std::string_view name_of(telemetry::Column column);

// GET /api/v1/history?virtual=NAME&real=NAME&ring=1s|10s|5m&from=MS&fields=active,bytes_in
// How the counters of a real server, a virtual server or (neither named) the director went:
// {"ring": "1s", "cell_ms": 1000, "begin_ms": N, "now_ms": N, "kept": true,
//  "columns": {"seconds": [1, 1, null, ...], "active": [...], ...}}
// One number for each cell from begin_ms (since 1970) on, null in a gap. `seconds` says how much of
// the cell was seen; active and inactive are the most connections at once, the others are what came
// in that time. `kept` is false where nothing is known: it is watched from now on. 404 where there
// is nobody of that name.
http::HttpResponse get_history(director::Control& control, const http::HttpRequest& request);

nlohmann::json to_json(const director::RingAnswer& answer, const HistoryQuery& query,
                       std::int64_t now_ms);

/// As get_history() answers; columns that were not asked for are 0.
struct History {
    std::int64_t now_ms = 0;
    director::RingAnswer answer;
};
Result<History> parse_history(std::string_view text);

}  // namespace shoal::api
