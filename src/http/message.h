#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/wakeup.h"

namespace shoal::http {

/// Who is at the other end of a Unix socket, as the kernel vouches for it: the credentials of the
/// process that connected, at that moment.
struct Peer {
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    std::vector<gid_t> supplementary_groups{};
    pid_t pid = 0;
};

/// Methods without an entry here are `other`, which no route answers.
enum class Method { get, put, post, delete_, other };

struct HttpRequest {
    Method method = Method::get;
    /// As it was sent, for logs.
    std::string target{};
    /// The path between its slashes, percent-decoded: "/api/v1/status" is {"api", "v1", "status"}.
    std::vector<std::string> path{};
    std::map<std::string, std::string> query{};
    std::string body{};
    Peer peer{};
    // The headers of these names; empty: there was none.
    std::string if_match{};
    std::string accept{};
    std::string last_event_id{};
};

struct HttpResponse {
    /// Gives the next piece of a streamed body, nothing at its end. Asked again only when the piece
    /// before has been sent; after `pause` where it was empty, or when `wakeup` wakes.
    using Stream = std::function<std::optional<std::string>()>;

    /// Gives the answer that takes its time; nothing while there is none. Asked every 20 ms.
    using Later = std::function<std::optional<HttpResponse>()>;

    int status = 200;
    std::string content_type = "application/json";
    /// Further headers, as {"Allow", "GET"}.
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    /// When set, `body` is not used.
    Stream stream{};
    Milliseconds pause{20};
    /// May be null.
    std::shared_ptr<Wakeup> wakeup{};
    /// When set, the rest is not used: the answer comes later.
    Later later{};
};

}  // namespace shoal::http
