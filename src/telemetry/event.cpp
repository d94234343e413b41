#include "telemetry/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "model/choices.h"

namespace shoal::telemetry {

namespace {

template <class Value>
bool is_one_of(const std::vector<Value>& wanted, const Value& value) {
    return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

std::string subject_of(const Event& event) {
    if (event.real_server.empty()) return fmt::format("virtual server {}", event.virtual_server);
    return fmt::format("real server {} of {}", event.real_server, event.virtual_server);
}

std::string_view verb_of(model::EventKind kind) {
    switch (kind) {
        case model::EventKind::real_server_up:
            return "is up";
        case model::EventKind::real_server_down:
            return "is down";
        case model::EventKind::quorum_lost:
            return "has lost its quorum";
        case model::EventKind::quorum_regained:
            return "has its quorum again";
        case model::EventKind::state_changed:
            return "was given another state";
        case model::EventKind::load_lost:
            return "tells its load no more";
    }
    return "changed";
}

}  // namespace

bool is_wanted(const model::Notification& notification, const Event& event) {
    return is_one_of(notification.events, event.kind) &&
           is_one_of(notification.virtual_servers, event.virtual_server);
}

std::string sentence_of(const Event& event) {
    if (event.count > 1) return event.reason;
    auto text = fmt::format("{} {}", subject_of(event), verb_of(event.kind));
    if (!event.reason.empty()) text += ": " + event.reason;
    return text;
}

std::string utc_text(std::int64_t time_ms) {
    const std::time_t seconds = time_ms / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::map<std::string, std::string> environment_of(const Event& event) {
    return {{"SHOAL_EVENT", std::string(model::name_of(event.kind))},
            {"SHOAL_VIRTUAL_SERVER", event.virtual_server},
            {"SHOAL_REAL_SERVER", event.real_server},
            {"SHOAL_ADDRESS", event.address},
            {"SHOAL_REASON", event.reason},
            {"SHOAL_TIME", utc_text(event.time_ms)},
            {"SHOAL_DIRECTOR", event.director},
            {"SHOAL_COUNT", std::to_string(event.count)}};
}

std::string json_of(const Event& event) {
    const nlohmann::ordered_json json{{"event", model::name_of(event.kind)},
                                      {"virtual_server", event.virtual_server},
                                      {"real_server", event.real_server},
                                      {"address", event.address},
                                      {"reason", event.reason},
                                      {"time", utc_text(event.time_ms)},
                                      {"director", event.director},
                                      {"count", event.count},
                                      {"text", sentence_of(event)}};
    // A reason may quote bytes that are no UTF-8.
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace shoal::telemetry
