#include "cli/remote.h"

#include <fmt/format.h>

#include "api/status_json.h"

namespace shoal::cli {

namespace {

Failure failure_of(const http::HttpResponse& response) {
    auto error = api::from_json<api::ErrorBody>(response.body);
    if (!error)
        return {.message = fmt::format("shoald answered {} without a reason", response.status)};
    return {.message = std::move(error->message),
            .problems = std::move(error->problems),
            .failures = std::move(error->failures)};
}

}  // namespace

Outcome<void> Remote::connect() {
    if (client_) return {};
    auto client = http::Client::connect(path_);
    if (!client)
        return std::unexpected(
            Failure{.exit_status = exit_not_possible, .message = client.error().message});
    client_ = std::move(*client);
    return {};
}

Outcome<std::string> Remote::ask(http::Method method, const std::string& target, std::string body) {
    if (auto connected = connect(); !connected) return std::unexpected(connected.error());
    auto response = client_->send({.method = method, .target = target, .body = std::move(body)});
    if (!response)
        return std::unexpected(
            Failure{.exit_status = exit_not_possible, .message = response.error().message});
    if (response->status / 100 != 2) return std::unexpected(failure_of(*response));
    return std::move(response->body);
}

Outcome<void> Remote::receive(const http::HttpRequest& request,
                              const std::function<bool(std::string_view)>& take) {
    if (auto connected = connect(); !connected) return connected;
    auto response = client_->receive(request, take);
    if (!response)
        return std::unexpected(
            Failure{.exit_status = exit_not_possible, .message = response.error().message});
    if (response->status / 100 != 2) return std::unexpected(failure_of(*response));
    return {};
}

Outcome<void> Remote::receive(const std::string& target,
                              const std::function<bool(std::string_view)>& take) {
    return receive({.target = target}, take);
}

Outcome<void> Remote::follow(const std::string& target, const std::string& last_event_id,
                             const std::function<bool(std::string_view)>& take) {
    return receive(
        {.target = target, .accept = "text/event-stream", .last_event_id = last_event_id}, take);
}

}  // namespace shoal::cli
