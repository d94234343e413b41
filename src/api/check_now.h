#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

/// How a check ended.
struct CheckEnd {
    /// "answered", "failed", "silent" or "not asked".
    std::string outcome;
    /// Empty if it answered.
    std::string reason;
    std::int64_t latency_us = 0;
};

// GET /api/v1/check?virtual=NAME&real=NAME
// Checks the real server once, beside its regular checks and without a change of its health, and
// streams what happens: one line an event, {"at_us": ..., "text": ...}, microseconds since the
// beginning. The last line is {"outcome": ..., "reason": ..., "latency_us": ...}. 404 where there
// is nothing to check.
http::HttpResponse get_check(director::Control& control, const http::HttpRequest& request);

nlohmann::json to_json(const health::Transcript::Line& line);
nlohmann::json to_json(const health::CheckResult& result);
/// Fail where the text is not what to_json() wrote.
Result<health::Transcript::Line> parse_transcript_line(std::string_view text);
Result<CheckEnd> parse_check_end(std::string_view text);

}  // namespace shoal::api
