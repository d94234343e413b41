#include "cli/remote.h"

#include <fmt/format.h>

#include "api/status_json.h"

namespace shoal::cli {

namespace {

Failure failure_of(const http::HttpResponse& response) {
    auto error = api::from_json<api::ErrorBody>(response.body);
    if (!error)
        return {.message = fmt::format("shoald answered {} without a reason", response.status)};
    return {.message = std::move(error->message), .problems = std::move(error->problems)};
}

}  // namespace

Outcome<std::string> Remote::ask(http::Method method, const std::string& target, std::string body) {
    if (!client_) {
        auto client = http::Client::connect(path_);
        if (!client)
            return std::unexpected(
                Failure{.exit_status = exit_not_possible, .message = client.error().message});
        client_ = std::move(*client);
    }
    auto response = client_->send({.method = method, .target = target, .body = std::move(body)});
    if (!response)
        return std::unexpected(
            Failure{.exit_status = exit_not_possible, .message = response.error().message});
    if (response->status / 100 != 2) return std::unexpected(failure_of(*response));
    return std::move(response->body);
}

}  // namespace shoal::cli
