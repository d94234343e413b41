#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "http/client.h"

namespace shoal::cli {

// Exit statuses, as the help tells them.
constexpr int exit_done = 0;
/// The configuration has problems, or shoald refused or failed.
constexpr int exit_refused = 1;
/// Wrong usage, an unreadable file, or shoald cannot be reached.
constexpr int exit_not_possible = 2;

struct Failure {
    int exit_status = exit_refused;
    std::string message;
    std::vector<config::Problem> problems{};
    /// What the kernel refused, one sentence each.
    std::vector<std::string> failures{};
};

template <class T>
using Outcome = std::expected<T, Failure>;

/// Calls of shoald's API over one connection.
class Remote {
  public:
    explicit Remote(std::string socket_path) : path_(std::move(socket_path)) {}

    /// The body of the answer, if it is one of success. Connects at the first call.
    Outcome<std::string> ask(http::Method method, const std::string& target, std::string body = "");

    /// A streamed answer, piece by piece, until `take` says false.
    Outcome<void> receive(const std::string& target,
                          const std::function<bool(std::string_view)>& take);
    /// As receive(), of server-sent events after `last_event_id`.
    Outcome<void> follow(const std::string& target, const std::string& last_event_id,
                         const std::function<bool(std::string_view)>& take);

  private:
    Outcome<void> connect();
    Outcome<void> receive(const http::HttpRequest& request,
                          const std::function<bool(std::string_view)>& take);

    std::string path_;
    std::optional<http::Client> client_;
};

}  // namespace shoal::cli
