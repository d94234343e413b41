#include "api/configuration.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ranges>

#include "api/author.h"
#include "api/parameters.h"
#include "api/status_json.h"
#include "config/notes.h"
#include "http/response.h"
#include "model/text.h"

namespace shoal::api {

namespace {

using director::ChangeRefused;
using nlohmann::json;

constexpr Milliseconds shortest_trial{1000};
constexpr std::chrono::hours longest_trial{24};

struct ChangeQuery {
    std::string comment{};
    std::optional<Milliseconds> confirm{};
    std::optional<std::uint64_t> expected{};
    std::optional<std::uint32_t> revision{};
};

Result<Milliseconds> parse_trial(const std::string& text) {
    const auto time = model::parse_duration(text);
    if (!time) return fail(time.error());
    if (*time < shortest_trial || *time > longest_trial) return fail("must be from 1s to 24h");
    return *time;
}

Result<void> read_parameter(ChangeQuery& query, std::string_view name, const std::string& text) {
    if (name == "comment") return put(query.comment, config::parse_remark(text));
    if (name == "confirm") return put(query.confirm, parse_trial(text));
    if (name == "expect") return put(query.expected, parse_number(text, 0, UINT32_MAX));
    if (name == "revision") return put(query.revision, parse_number(text, 1, UINT32_MAX));
    return fail("unknown; there are comment, confirm, expect and revision");
}

std::string etag_of(const config::RevisionHead& head) {
    return fmt::format("\"{}-{}\"", head.number, head.hash.substr(0, 16));
}

http::HttpResponse text_response(std::string text) {
    return {.content_type = "application/toml", .body = std::move(text)};
}

json json_of(const config::RevisionHead& head) {
    return {{"number", head.number},
            {"author", head.author.user},
            {"uid", head.author.uid ? json(*head.author.uid) : json()},
            {"comment", head.comment},
            {"time_ms", head.time_ms},
            {"hash", head.hash}};
}

std::string state_of(std::uint64_t number, const config::Standing& standing) {
    if (number == standing.in_force) return standing.trial ? "on trial" : "in force";
    return standing.taken_back.contains(number) ? "taken back" : "earlier";
}

http::HttpResponse refusal(const ChangeRefused& refused) {
    using enum ChangeRefused::Why;
    json members = json::object();
    if (!refused.problems.empty()) members["problems"] = to_json(refused.problems);
    if (!refused.failures.empty()) members["failures"] = refused.failures;
    const auto answer = [&](int status, const char* type, const char* title) {
        return http::problem_response(status, type, title, refused.message, members);
    };
    switch (refused.why) {
        case problems:
            return answer(422, "/problems/configuration", "The configuration has problems");
        case conflict:
            members["fields"] = json::array();
            for (const auto& field : refused.fields)
                members["fields"].push_back({{"field", field.field},
                                             {"base", field.base},
                                             {"theirs", field.theirs},
                                             {"ours", field.ours}});
            return answer(412, "/problems/conflict", "Somebody else changed the configuration");
        case busy:
            return answer(409, "/problems/busy", "Something else must come to its end first");
        case nothing:
            return answer(409, "/problems/nothing-to-do", "There is nothing to do this with");
        case failed:
            break;
    }
    return answer(500, "/problems/not-applied", "The change was not made");
}

http::HttpResponse response_to(const director::ChangeResult& result) {
    if (!result) return refusal(result.error());
    return http::json_response(
        {{"revision", json_of(result->revision)},
         {"replaced", result->replaced},
         {"confirm_until_ms", result->confirm_until_ms ? json(*result->confirm_until_ms) : json()},
         {"warnings", result->warnings}});
}

/// The answer to a change that `begin` begins: at once where it is made at once.
template <class Begin>
http::HttpResponse when_changed(Begin&& begin) {
    const auto result = std::make_shared<std::optional<director::ChangeResult>>();
    begin([result](director::ChangeResult done) { *result = std::move(done); });
    if (*result) return response_to(**result);
    return {.later = [result]() -> std::optional<http::HttpResponse> {
        if (!*result) return std::nullopt;
        return response_to(**result);
    }};
}

http::HttpResponse stale(const std::string& tag) {
    return http::problem_response(
        412, "/problems/conflict", "Somebody else changed the configuration",
        fmt::format("{} is no ETag of a revision that is kept", tag), json::object());
}

/// The number of the revision with this ETag.
std::optional<std::uint64_t> number_of(director::Control& control, const std::string& tag) {
    for (const auto& head : control.revisions().heads) {
        if (etag_of(head) == tag) return head.number;
    }
    return std::nullopt;
}

/// What the request says besides a text.
std::expected<director::ChangeRequest, http::HttpResponse> change_of(
    director::Control& control, const http::HttpRequest& request) {
    const auto query = read_parameters<ChangeQuery>(request.query, read_parameter);
    if (!query) return std::unexpected(http::error_response(400, query.error().message));
    if (query->revision)
        return std::unexpected(
            http::error_response(400, "parameter \"revision\": only restore has it"));
    director::ChangeRequest change{.author = author_of(request.peer),
                                   .comment = query->comment,
                                   .confirm = query->confirm,
                                   .expected = query->expected};
    if (!request.if_match.empty() && request.if_match != "*") {
        change.expected = number_of(control, request.if_match);
        if (!change.expected) return std::unexpected(stale(request.if_match));
    }
    return change;
}

http::HttpResponse apply(director::Control& control, director::ChangeRequest change,
                         std::string text) {
    change.text = std::move(text);
    return when_changed(
        [&](auto on_changed) { control.apply(std::move(change), std::move(on_changed)); });
}

/// What would be ignored, and was meant as a condition.
std::optional<http::HttpResponse> refusal_of_parameters(const http::HttpRequest& request) {
    if (!request.query.empty())
        return http::error_response(
            400, fmt::format("parameter \"{}\": there is none here", request.query.begin()->first));
    if (!request.if_match.empty()) return http::error_response(400, "If-Match is not for this");
    return std::nullopt;
}

}  // namespace

http::HttpResponse get_config(director::Control& control, const http::HttpRequest&) {
    auto revision = control.revision(0);
    if (!revision) return http::error_response(500, revision.error().message);
    auto response = text_response(std::move(revision->text));
    response.headers.emplace_back("ETag", etag_of(revision->head));
    return response;
}

http::HttpResponse get_config_file(director::Control& control, const http::HttpRequest&) {
    auto text = control.configuration_file();
    if (!text) return http::error_response(500, text.error().message);
    return text_response(std::move(*text));
}

http::HttpResponse put_config(director::Control& control, const http::HttpRequest& request) {
    auto change = change_of(control, request);
    return change ? apply(control, std::move(*change), request.body) : change.error();
}

http::HttpResponse apply_edit(director::Control& control, const http::HttpRequest& request,
                              const EditOfText& edit) {
    auto change = change_of(control, request);
    if (!change) return change.error();
    const auto revision = control.revision(0);
    if (!revision) return http::error_response(500, revision.error().message);
    auto text = edit(revision->text);
    return text ? apply(control, std::move(*change), std::move(*text)) : text.error();
}

http::HttpResponse look(director::Control& control, const LookAtText& look_at) {
    const auto revision = control.revision(0);
    if (!revision) return http::error_response(500, revision.error().message);
    const auto seen = look_at(revision->text);
    if (!seen) return seen.error();
    auto response = http::json_response(*seen);
    response.headers.emplace_back("ETag", etag_of(revision->head));
    return response;
}

http::HttpResponse apply_draft(director::Control& control, const http::HttpRequest& request,
                               config::Revision draft) {
    auto change = change_of(control, request);
    if (!change) return change.error();
    change->text = std::move(draft.text);
    if (!change->expected) change->expected = draft.head.number;
    return when_changed([&](auto on_changed) {
        control.apply(std::move(*change),
                      [&control, user = draft.head.author.user,
                       on_changed = std::move(on_changed)](director::ChangeResult result) {
                          if (result) {
                              if (const auto removed = control.remove_draft(user); !removed)
                                  result->warnings.push_back(removed.error().message);
                          }
                          on_changed(std::move(result));
                      });
    });
}

http::HttpResponse post_validate(director::Control& control, const http::HttpRequest& request) {
    const auto configuration = control.validate(request.body);
    json answer{
        {"good", configuration.has_value()}, {"problems", json::array()}, {"notes", json::array()}};
    if (configuration)
        answer["notes"] = to_json(config::notes_on(*configuration, request.body, {}));
    else
        answer["problems"] = to_json(configuration.error());
    return http::json_response(answer);
}

http::HttpResponse post_confirm(director::Control& control, const http::HttpRequest& request) {
    if (const auto refusal = refusal_of_parameters(request)) return *refusal;
    return response_to(control.confirm());
}

http::HttpResponse post_revert(director::Control& control, const http::HttpRequest& request) {
    if (const auto refusal = refusal_of_parameters(request)) return *refusal;
    return response_to(control.revert());
}

http::HttpResponse post_restore(director::Control& control, const http::HttpRequest& request) {
    const auto query = read_parameters<ChangeQuery>(request.query, read_parameter);
    if (!query) return http::error_response(400, query.error().message);
    if (!query->revision)
        return http::error_response(400, "parameter \"revision\": which one is to be restored?");
    auto revision = control.revision(*query->revision);
    if (!revision) return http::error_response(404, revision.error().message);
    director::ChangeRequest change{
        .text = std::move(revision->text),
        .author = author_of(request.peer),
        .comment = query->comment.empty() ? fmt::format("revision {} again", *query->revision)
                                          : query->comment,
        .confirm = query->confirm,
        .expected = query->expected};
    return when_changed(
        [&](auto on_changed) { control.apply(std::move(change), std::move(on_changed)); });
}

http::HttpResponse post_reload(director::Control& control, const http::HttpRequest& request) {
    if (const auto refusal = refusal_of_parameters(request)) return *refusal;
    return when_changed(
        [&](auto on_changed) { control.reload(author_of(request.peer), std::move(on_changed)); });
}

http::HttpResponse get_revisions(director::Control& control, const http::HttpRequest&) {
    const auto list = control.revisions();
    auto revisions = json::array();
    for (const auto& head : std::views::reverse(list.heads)) {
        revisions.push_back(json_of(head));
        revisions.back()["state"] = state_of(head.number, list.standing);
    }
    return http::json_response({{"revisions", std::move(revisions)}});
}

http::HttpResponse get_revision(director::Control& control, const http::HttpRequest& request) {
    const auto number = parse_number(request.path.back(), 1, UINT32_MAX);
    if (!number) return http::error_response(404, number.error().message);
    auto revision = control.revision(*number);
    if (!revision) return http::error_response(404, revision.error().message);
    auto response = text_response(std::move(revision->text));
    response.headers.emplace_back("ETag", etag_of(revision->head));
    return response;
}

}  // namespace shoal::api
