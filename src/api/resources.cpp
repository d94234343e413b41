#include "api/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/connection_query.h"
#include "api/status_json.h"
#include "http/response.h"

namespace shoal::api {

namespace {

/// What one request may look at. The calls are bounded too, because a small limit means small
/// steps.
constexpr std::uint32_t cells_per_request = 16384;
constexpr int calls_per_request = 512;

/// A cell holds at most one connection, so a step of n cells never brings more than n.
Result<dataplane::ConnectionPage> collect(director::Control& control,
                                          const ConnectionQuery& query) {
    dataplane::ConnectionPage page{.connections = {}, .next = query.from};
    std::uint32_t cells = cells_per_request;
    for (int call = 0; call < calls_per_request && cells > 0; ++call) {
        const auto missing = query.limit - static_cast<std::uint32_t>(page.connections.size());
        const auto step = std::min(cells, missing);
        if (step == 0) break;
        auto part = control.connections(query.filter(), *page.next, step);
        if (!part) return fail(part.error());
        std::ranges::copy_if(part->connections, std::back_inserter(page.connections),
                             [&](const auto& connection) { return query.matches(connection); });
        page.next = part->next;
        if (!page.next) break;
        cells -= step;
    }
    return page;
}

}  // namespace

http::HttpResponse get_version(director::Control& /*control*/, const http::HttpRequest&) {
    return http::json_response({{"version", SHOAL_VERSION}});
}

http::HttpResponse get_status(director::Control& control, const http::HttpRequest&) {
    const auto status = control.status();
    if (!status) return http::error_response(500, status.error().message);
    auto body = to_json(*status);
    body["revision"] = to_json(control.revision_status());
    return http::json_response(body);
}

http::HttpResponse get_statistics(director::Control& control, const http::HttpRequest&) {
    auto status = control.status();
    if (!status) return http::error_response(500, status.error().message);
    return http::json_response(to_json(statistics_of(std::move(*status))));
}

http::HttpResponse get_health(director::Control& control, const http::HttpRequest& request) {
    for (const auto& [name, text] : request.query) {
        if (name != "virtual")
            return http::error_response(
                400, fmt::format("parameter \"{}\": unknown; there is virtual", name));
    }
    auto report = control.health();
    if (const auto wanted = request.query.find("virtual"); wanted != request.query.end()) {
        std::erase_if(report.targets,
                      [&](const auto& target) { return target.virtual_server != wanted->second; });
        if (report.targets.empty())
            return http::error_response(404,
                                        "no virtual server of this name has real servers that "
                                        "are checked");
    }
    return http::json_response(to_json(report));
}

http::HttpResponse get_connections(director::Control& control, const http::HttpRequest& request) {
    const auto query = ConnectionQuery::parse(request.query);
    if (!query) return http::error_response(400, query.error().message);
    const auto page = collect(control, *query);
    if (!page) return http::error_response(500, page.error().message);
    return {.body = json_text(*page)};
}

http::HttpResponse post_stop(director::Control& control, const http::HttpRequest&) {
    const auto stopped = control.stop();
    if (!stopped) return http::error_response(500, stopped.error().message);
    return http::json_response({{"stopping", true}});
}

}  // namespace shoal::api
