#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/connection_query.h"
#include "api/sight.h"
#include "api/status_json.h"
#include "http/router.h"
#include "http/target.h"

// What strangers' bytes reach before anybody knows who they are: a request's target, and the
// parameters in it. And what the command reads from the socket, where anybody might listen.

namespace {

void try_target(std::string_view text) {
    static const auto router = [] {
        shoal::http::Router<int> made;
        made.add(shoal::http::Method::get, "/api/v1/connections", 1);
        made.add(shoal::http::Method::get, "/api/v1/virtual_servers/{name}", 2);
        return made;
    }();
    const auto target = shoal::http::parse_target(text);
    if (!target) return;
    const auto match = router.find({.path = target->path});
    const auto query = shoal::api::ConnectionQuery::parse(target->query);
    if (match.endpoint && query && query->limit > shoal::api::ConnectionQuery::highest_limit)
        std::abort();
    const auto trace = shoal::api::TraceQuery::parse(target->query);
    if (trace && trace->seconds > shoal::api::TraceQuery::most_seconds) std::abort();
    const auto question = shoal::api::parse_question(target->query);
    if (question && question->virtual_address.is_v6()) std::abort();
    std::string again = "/";
    for (const auto& segment : target->path)
        again += shoal::http::percent_encode(segment) + "/";
    const auto same = shoal::http::parse_target(again);
    if (!same || same->path != target->path) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_target(text);
    if (auto status = shoal::api::from_json<shoal::model::DirectorStatus>(text); !status) {
        if (status.error().message.empty()) std::abort();
    }
    if (auto page = shoal::api::from_json<shoal::dataplane::ConnectionPage>(text); !page) {
        if (page.error().message.empty()) std::abort();
    }
    if (auto event = shoal::api::parse_event(text); !event) {
        if (event.error().message.empty()) std::abort();
    }
    if (auto explanation = shoal::api::parse_explanation(text); !explanation) {
        if (explanation.error().message.empty()) std::abort();
    }
    return 0;
}
