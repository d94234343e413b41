#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/parameters.h"
#include "base/result.h"
#include "dataplane/sight.h"
#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

/// What a trace shall show, and for how long.
struct TraceQuery {
    static constexpr std::uint32_t default_seconds = 60;
    static constexpr std::uint32_t most_seconds = 3600;
    static constexpr std::uint32_t most_packets = 1'000'000;

    dataplane::TraceFilter filter;
    /// The trace ends after so many packets.
    std::uint32_t count = most_packets;
    std::uint32_t seconds = default_seconds;

    /// From the parameters client (an address or a prefix), virtual, real, protocol, verdict, count
    /// and seconds. An unknown one is an error.
    static Result<TraceQuery> parse(const Parameters& parameters);
};

/// From the parameters client, virtual (with its port) and protocol.
Result<dataplane::PacketQuestion> parse_question(const Parameters& parameters);

// GET /api/v1/trace?client=&virtual=&real=&protocol=&verdict=&count=&seconds=
// Streams one line a packet, {"time_us": ..., "verdict": ...}; empty lines say that it goes on; a
// line {"left_out": N} says that N packets are missing at this place, because there were too many.
// The last line is {"end": "why"}. 409 while somebody else traces.
http::HttpResponse get_trace(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/explain?client=&virtual=&protocol=: dataplane::Explanation
http::HttpResponse get_explanation(director::Control& control, const http::HttpRequest& request);

nlohmann::json to_json(const dataplane::TraceEvent& event);
nlohmann::json to_json(const dataplane::Explanation& explanation);
/// Fail where the text is not what to_json() wrote.
Result<dataplane::TraceEvent> parse_event(std::string_view text);
Result<dataplane::Explanation> parse_explanation(std::string_view text);

}  // namespace shoal::api
