#include "api/audit.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/author.h"
#include "http/response.h"
#include "http/router.h"

namespace shoal::api {

namespace {

using nlohmann::json;

/// Bytes of what was asked for, and of why it was refused.
constexpr std::size_t longest_target = 300;
constexpr std::size_t longest_refusal = 300;

/// "done: revision 7", "412: revision 7 by bob is in force, not revision 6".
std::string result_of(const http::HttpResponse& response) {
    const auto body = json::parse(response.body, nullptr, false);
    const bool is_object = body.is_object();
    if (response.status / 100 != 2) {
        const auto detail = is_object && body.contains("detail") && body["detail"].is_string()
                                ? body["detail"].get<std::string>()
                                : "";
        // A refusal pushes out no more than its share of what was done.
        return fmt::format("{}: {}", response.status, detail.substr(0, longest_refusal));
    }
    if (!is_object || !body.contains("revision")) return "done";
    return "done: revision " + body["revision"].value("number", json()).dump();
}

json json_of(const director::AuditRecord& record) {
    return {{"number", record.number},
            {"time_ms", record.time_ms},
            {"user", record.user},
            {"uid", record.uid ? json(*record.uid) : json()},
            {"pid", record.pid ? json(*record.pid) : json()},
            {"from", record.from},
            {"what", record.what},
            {"result", record.result}};
}

}  // namespace

http::HttpResponse get_audit(director::Control& control, const http::HttpRequest&) {
    const auto reading = control.audit();
    auto records = json::array();
    for (const auto& record : reading.records)
        records.push_back(json_of(record));
    return http::json_response({{"records", std::move(records)}, {"damages", reading.damages}});
}

http::HttpResponse audited(director::Control& control, const http::HttpRequest& request,
                           http::HttpResponse response) {
    const auto author = author_of(request.peer);
    director::AuditRecord record{.user = author.user,
                                 .uid = author.uid,
                                 .pid = request.peer.pid,
                                 .from = "shoald's socket",
                                 .what = fmt::format("{} {}", http::method_name(request.method),
                                                     request.target.substr(0, longest_target))};
    if (!response.later) {
        record.result = result_of(response);
        control.note(std::move(record));
        return response;
    }
    return {.later = [&control, record = std::move(record),
                      later = std::move(response.later)]() -> std::optional<http::HttpResponse> {
        auto answer = later();
        if (!answer) return std::nullopt;
        auto ended = record;
        ended.result = result_of(*answer);
        control.note(std::move(ended));
        return answer;
    }};
}

}  // namespace shoal::api
