#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/monitor.h"

namespace shoal::telemetry {

/// Something that administrators want to be told.
struct Event {
    model::EventKind kind = model::EventKind::real_server_down;
    std::string virtual_server{};
    /// Empty where the event is the virtual server's.
    std::string real_server{};
    /// Of the real server, else of the virtual server.
    std::string address{};
    /// In plain words; may hold what a real server said.
    std::string reason{};
    /// Wall clock, milliseconds since 1970.
    std::int64_t time_ms = 0;
    /// Name of the director.
    std::string director{};
    /// More than 1: it stands for so many, and `reason` sums them up.
    std::uint32_t count = 1;
    bool operator==(const Event&) const = default;
};

/// Whether a [[notification]] asks for it.
bool is_wanted(const model::Notification& notification, const Event& event);

/// "real server web-1 of web is down: connection refused"
std::string sentence_of(const Event& event);
/// The variables SHOAL_... of a command.
std::map<std::string, std::string> environment_of(const Event& event);
/// The body of a webhook.
std::string json_of(const Event& event);
/// "2026-11-23T07:15:25Z"
std::string utc_text(std::int64_t time_ms);

}  // namespace shoal::telemetry
