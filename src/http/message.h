#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
enum class Method { get, put, post, other };

struct HttpRequest {
    Method method = Method::get;
    /// As it was sent, for logs.
    std::string target{};
    /// The path between its slashes, percent-decoded: "/v1/status" is {"v1", "status"}.
    std::vector<std::string> path{};
    std::map<std::string, std::string> query{};
    std::string body{};
    Peer peer{};
};

struct HttpResponse {
    /// Gives the next piece of a streamed body, nothing at its end. Asked again only when the piece
    /// before has been sent; 20 ms later where it was empty.
    using Stream = std::function<std::optional<std::string>()>;

    int status = 200;
    std::string content_type = "application/json";
    /// Further headers, as {"Allow", "GET"}.
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    /// When set, `body` is not used.
    Stream stream{};
};

}  // namespace shoal::http
