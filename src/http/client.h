#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace shoal::http {

/// One connection to shoald's socket, for programs that do one thing after the other: every call
/// waits for its end.
class Client {
  public:
    /// The error says in the administrator's words why shoald cannot be reached.
    static Result<Client> connect(const std::string& path,
                                  Milliseconds timeout = Milliseconds(60'000));

    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    /// Sends `method`, `target`, `if_match`, `accept`, `last_event_id` and `body` of the request.
    /// The timeout holds for the whole exchange. A streamed answer is collected in `body`.
    Result<HttpResponse> send(const HttpRequest& request);
    /// As send(), but an answer of success goes to `take` piece by piece as it comes, until that
    /// says false; then this connection is of no more use. The timeout holds for each piece.
    Result<HttpResponse> receive(const HttpRequest& request,
                                 const std::function<bool(std::string_view)>& take);

  private:
    class Impl;
    explicit Client(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace shoal::http
