#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/problem.h"
#include "dataplane/dataplane.h"
#include "model/choices.h"
#include "model/health_report.h"
#include "model/revision_status.h"
#include "model/status.h"

// The JSON form of what the API says. Members have the names of the structs' members, values of
// enumerations are lower-case words, addresses are text. One list of fields serves both directions;
// members that a reader does not know are passed over, members that are missing are errors.

template <>
struct shoal::model::Choices<shoal::model::Health> {
    static constexpr std::array all{
        Choice{Health::unknown, "unknown", "unknown"},
        Choice{Health::up, "up", "up"},
        Choice{Health::down, "down", "down"},
    };
};

namespace shoal::api {

/// What GET /api/v1/stats says.
struct Statistics {
    /// Wall clock, milliseconds since 1970.
    std::int64_t now_ms = 0;
    /// Over all virtual servers, each firewall mark counted once.
    model::Counters total;
    model::Rates total_rates;
    std::vector<model::VirtualServerStatus> virtual_servers;
    model::TableStatus table;
    std::vector<model::VerdictCount> verdicts;
};
Statistics statistics_of(model::DirectorStatus status);

nlohmann::json to_json(const model::DirectorStatus& status);
nlohmann::json to_json(const model::RevisionStatus& status);
nlohmann::json to_json(const Statistics& statistics);
nlohmann::json to_json(const model::HealthReport& report);
/// As text at once: there may be a million connections.
std::string json_text(const dataplane::ConnectionPage& page);
std::string json_text(const model::Connection& connection);
nlohmann::json to_json(const std::vector<config::Problem>& problems);

/// Reads the text of an answer. Fails, with the reason, where it is not what was expected.
template <class T>
Result<T> from_json(std::string_view text);
template <>
Result<model::DirectorStatus> from_json(std::string_view text);
/// The member `revision` of GET /api/v1/status.
template <>
Result<model::RevisionStatus> from_json(std::string_view text);
template <>
Result<Statistics> from_json(std::string_view text);
template <>
Result<model::HealthReport> from_json(std::string_view text);
template <>
Result<dataplane::ConnectionPage> from_json(std::string_view text);

/// What an order about a real server answers.
struct StateAnswer {
    std::string virtual_server;
    std::string real_server;
    model::AdministrativeState state = model::AdministrativeState::enabled;
};
nlohmann::json to_json(const StateAnswer& answer);
template <>
Result<StateAnswer> from_json(std::string_view text);

/// What a problem by RFC 9457 says: its `detail`, and the members of ours.
struct ErrorBody {
    std::string message;
    std::vector<config::Problem> problems{};
    /// What the kernel refused.
    std::vector<std::string> failures{};
};
template <>
Result<ErrorBody> from_json(std::string_view text);
nlohmann::json to_json(const ErrorBody& error);

}  // namespace shoal::api
