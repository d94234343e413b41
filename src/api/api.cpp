#include "api/api.h"

#include <fmt/format.h>

#include "api/audit.h"
#include "api/candidate.h"
#include "api/check_now.h"
#include "api/configuration.h"
#include "api/configuration_tables.h"
#include "api/events.h"
#include "api/history.h"
#include "api/metrics.h"
#include "api/plan.h"
#include "api/resources.h"
#include "api/sight.h"
#include "api/states.h"
#include "base/log.h"
#include "http/response.h"

namespace shoal::api {

namespace {

constexpr std::size_t longest_configuration = std::size_t{16} << 20;

http::HttpResponse refuse(const http::HttpRequest& request, Role role) {
    const auto reason =
        role == Role::none
            ? fmt::format(
                  "user {} may not use shoald: only root and members of the group shoal may",
                  request.peer.uid)
            : "only root may change the configuration or stop the director; members of the group "
              "shoal may read, and take real servers out of service and back";
    log(Message::request_refused, "{} {} by user {}, process {}: {}",
        http::method_name(request.method), request.target.substr(0, 200), request.peer.uid,
        request.peer.pid, reason);
    return http::error_response(403, reason);
}

http::HttpResponse wrong_method(const http::HttpRequest& request, const std::string& allowed) {
    auto response =
        http::error_response(405, fmt::format("{} is not possible here, only {}",
                                              http::method_name(request.method), allowed));
    response.headers.emplace_back("Allow", allowed);
    return response;
}

}  // namespace

Api::Api(director::Control& control, std::optional<gid_t> operators)
    : control_(control), operators_(operators) {
    using enum http::Method;
    router_.add(get, "/api/v1/version", {Role::operator_, 0, get_version});
    router_.add(get, "/api/v1/status", {Role::operator_, 0, get_status});
    router_.add(get, "/api/v1/stats", {Role::operator_, 0, get_statistics});
    router_.add(get, "/api/v1/health", {Role::operator_, 0, get_health});
    router_.add(get, "/api/v1/connections", {Role::operator_, 0, get_connections});
    router_.add(get, "/api/v1/trace", {Role::operator_, 0, get_trace});
    router_.add(get, "/api/v1/explain", {Role::operator_, 0, get_explanation});
    router_.add(post, "/api/v1/drain", {Role::operator_, 0, post_drain});
    router_.add(post, "/api/v1/maintain", {Role::operator_, 0, post_maintain});
    router_.add(post, "/api/v1/enable", {Role::operator_, 0, post_enable});
    router_.add(post, "/api/v1/disable", {Role::operator_, 0, post_disable});
    router_.add(get, "/api/v1/check", {Role::operator_, 0, get_check});
    router_.add(post, "/api/v1/plan", {Role::operator_, longest_configuration, post_plan, false});
    router_.add(get, "/api/v1/config", {Role::operator_, 0, get_config});
    router_.add(put, "/api/v1/config", {Role::administrator, longest_configuration, put_config});
    router_.add(get, "/api/v1/config/file", {Role::operator_, 0, get_config_file});
    router_.add(post, "/api/v1/config/validate",
                {Role::operator_, longest_configuration, post_validate, false});
    router_.add(post, "/api/v1/config/confirm", {Role::administrator, 0, post_confirm});
    router_.add(post, "/api/v1/config/revert", {Role::administrator, 0, post_revert});
    router_.add(post, "/api/v1/config/restore", {Role::administrator, 0, post_restore});
    router_.add(post, "/api/v1/config/reload", {Role::administrator, 0, post_reload});
    router_.add(get, "/api/v1/config/revisions", {Role::operator_, 0, get_revisions});
    router_.add(get, "/api/v1/config/revisions/{number}", {Role::operator_, 0, get_revision});
    add_table_routes(router_);
    add_candidate_routes(router_);
    router_.add(get, "/api/v1/history", {Role::operator_, 0, get_history});
    router_.add(get, "/api/v1/events", {Role::operator_, 0, get_events});
    router_.add(get, "/api/v1/metrics", {Role::operator_, 0, get_metrics});
    router_.add(get, "/api/v1/audit", {Role::operator_, 0, get_audit});
    router_.add(post, "/api/v1/stop", {Role::administrator, 0, post_stop});
}

std::expected<const Resource*, http::HttpResponse> Api::find(
    const http::HttpRequest& request) const {
    // Those without any right do not learn what there is.
    const auto role = role_of(request.peer, operators_);
    if (role == Role::none) return std::unexpected(refuse(request, role));
    const auto match = router_.find(request);
    if (match.endpoint == nullptr && match.allowed.empty())
        return std::unexpected(http::error_response(404, "there is nothing of this name"));
    if (match.endpoint == nullptr) return std::unexpected(wrong_method(request, match.allowed));
    if (role < match.endpoint->needed) return std::unexpected(refuse(request, role));
    return match.endpoint;
}

std::expected<std::size_t, http::HttpResponse> Api::admit(const http::HttpRequest& header) {
    const auto resource = find(header);
    if (!resource) return std::unexpected(resource.error());
    return (*resource)->longest_body;
}

http::HttpResponse Api::answer(const http::HttpRequest& request) {
    const auto resource = find(request);
    if (!resource) return resource.error();
    auto response = (*resource)->answer(control_, request);
    // Not those of strangers, who could so push out what is kept of others.
    const bool changes = request.method != http::Method::get && (*resource)->audited;
    return changes ? audited(control_, request, std::move(response)) : response;
}

}  // namespace shoal::api
