#include "api/states.h"

#include <nlohmann/json.hpp>

#include "api/status_json.h"
#include "http/response.h"
#include "model/text.h"

namespace shoal::api {

namespace {

using model::AdministrativeState;

/// Nobody means more by "for a while".
constexpr std::chrono::days longest_time{366};

Result<Milliseconds> parse_time(const std::string& text) {
    const auto time = model::parse_duration(text);
    if (!time) return fail(time.error());
    if (*time == Milliseconds::zero() || *time > longest_time)
        return fail("must be more than nothing and at most 366d");
    return *time;
}

Result<void> read_parameter(StateQuery& query, std::string_view name, const std::string& text) {
    if (name == "virtual") {
        query.name.virtual_server = text;
        return {};
    }
    if (name == "server" || name == "real") {
        query.name.real_server = text;
        return {};
    }
    if (name == "for") return put(query.order.lasting, parse_time(text));
    if (name == "deadline") return put(query.order.deadline, parse_time(text));
    return fail("unknown; there are server, virtual, real, for and deadline");
}

http::HttpResponse change_state(director::Control& control, const http::HttpRequest& request,
                                AdministrativeState state) {
    const auto query = StateQuery::parse(request.query, state);
    if (!query) return http::error_response(400, query.error().message);
    const auto target = control.set_state(query->name, query->order);
    if (!target)
        return http::error_response(target.error().unknown ? 404 : 500, target.error().message);
    return http::json_response(
        to_json(StateAnswer{target->virtual_server, target->real_server, state}));
}

}  // namespace

Result<StateQuery> StateQuery::parse(const Parameters& parameters, AdministrativeState state) {
    const bool one = parameters.contains("server");
    const bool two = parameters.contains("virtual") && parameters.contains("real");
    const bool any_of_two = parameters.contains("virtual") || parameters.contains("real");
    if (one == two || (one && any_of_two))
        return fail(
            "name the real server by the parameter \"server\", VIRTUAL/REAL, or by "
            "\"virtual\" and \"real\"");
    if (parameters.contains("deadline") && state != AdministrativeState::draining)
        return fail("parameter \"deadline\": only draining has one");
    auto query = read_parameters<StateQuery>(parameters, read_parameter);
    if (query) query->order.state = state;
    return query;
}

http::HttpResponse post_drain(director::Control& control, const http::HttpRequest& request) {
    return change_state(control, request, AdministrativeState::draining);
}

http::HttpResponse post_maintain(director::Control& control, const http::HttpRequest& request) {
    return change_state(control, request, AdministrativeState::maintenance);
}

http::HttpResponse post_enable(director::Control& control, const http::HttpRequest& request) {
    return change_state(control, request, AdministrativeState::enabled);
}

http::HttpResponse post_disable(director::Control& control, const http::HttpRequest& request) {
    return change_state(control, request, AdministrativeState::disabled);
}

}  // namespace shoal::api
