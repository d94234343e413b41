#include "api/candidate.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "api/author.h"
#include "api/configuration.h"
#include "api/parameters.h"
#include "api/plan.h"
#include "config/toml_reader.h"
#include "http/response.h"

namespace shoal::api {

namespace {

using http::HttpRequest;
using http::HttpResponse;
using nlohmann::json;

struct DraftQuery {
    std::optional<std::uint64_t> base{};
};

Result<void> read_parameter(DraftQuery& query, std::string_view name, const std::string& text) {
    if (name == "base") return put(query.base, parse_number(text, 1, UINT32_MAX));
    return fail("unknown; there is base");
}

std::expected<config::Revision, HttpResponse> draft_of(director::Control& control,
                                                       const HttpRequest& request) {
    auto draft = control.draft(author_of(request.peer).user);
    if (!draft) return std::unexpected(http::error_response(500, draft.error().message));
    if (!*draft) return std::unexpected(http::error_response(404, "you keep no draft"));
    return std::move(**draft);
}

HttpResponse answer_to(const Result<void>& done) {
    return done ? http::json_response(json::object())
                : http::error_response(500, done.error().message);
}

HttpResponse get_candidate(director::Control& control, const HttpRequest& request) {
    const auto draft = draft_of(control, request);
    if (!draft) return draft.error();
    return http::json_response(
        {{"base", draft->head.number}, {"time_ms", draft->head.time_ms}, {"text", draft->text}});
}

HttpResponse put_candidate(director::Control& control, const HttpRequest& request) {
    const auto query = read_parameters<DraftQuery>(request.query, read_parameter);
    if (!query) return http::error_response(400, query.error().message);
    return answer_to(control.keep_draft(author_of(request.peer), request.body, query->base));
}

HttpResponse delete_candidate(director::Control& control, const HttpRequest& request) {
    return answer_to(control.remove_draft(author_of(request.peer).user));
}

HttpResponse post_candidate_plan(director::Control& control, const HttpRequest& request) {
    auto draft = draft_of(control, request);
    if (!draft) return draft.error();
    auto with_text = request;
    with_text.body = std::move(draft->text);
    return post_plan(control, with_text);
}

HttpResponse post_candidate_apply(director::Control& control, const HttpRequest& request) {
    auto draft = draft_of(control, request);
    return draft ? apply_draft(control, request, std::move(*draft)) : draft.error();
}

}  // namespace

void add_candidate_routes(Routes& routes) {
    using enum http::Method;
    constexpr auto path = "/api/v1/candidate";
    routes.add(get, path, {Role::operator_, 0, get_candidate});
    routes.add(put, path, {Role::operator_, config::max_file_size, put_candidate, false});
    routes.add(delete_, path, {Role::operator_, 0, delete_candidate, false});
    routes.add(post, "/api/v1/candidate/plan", {Role::operator_, 0, post_candidate_plan, false});
    routes.add(post, "/api/v1/candidate/apply", {Role::administrator, 0, post_candidate_apply});
}

}  // namespace shoal::api
