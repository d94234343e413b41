#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <expected>
#include <memory>

#include "base/clock.h"
#include "http/message.h"
#include "http/unix_socket.h"

namespace shoal::http {

/// What answers the requests of a server. Called on the server's loop; must not block or throw.
class Service {
  public:
    virtual ~Service() = default;

    /// Asked when the header of a request has come, before its body is read: how many bytes the
    /// body may have, or the answer that refuses the request.
    virtual std::expected<std::size_t, HttpResponse> admit(const HttpRequest& header) = 0;
    /// Asked for requests that were admitted, once the body is complete.
    virtual HttpResponse answer(const HttpRequest& request) = 0;
};

struct ServerLimits {
    std::size_t header_bytes = std::size_t{16} << 10;
    /// From the end of the last answer, or the beginning of the connection, to the end of the next
    /// request's header.
    Milliseconds header_timeout{30'000};
    Milliseconds body_timeout{30'000};
    /// For an answer, or each piece of a streamed one.
    Milliseconds write_timeout{30'000};
    /// Root is not counted, so that nobody can lock it out.
    std::size_t connections_per_user = 64;
};

/// HTTP/1.1 on a Unix socket. Many connections, one loop; slow or broken clients cost no more than
/// a connection each, and that for a bounded time.
class Server {
  public:
    /// Serves until close(). `service` must live as long as the server.
    Server(boost::asio::io_context& loop, ListeningSocket socket, Service& service,
           ServerLimits limits = {});
    /// Breaks off what close() would have let finish.
    ~Server();

    /// Takes no more connections and removes the socket file. Requests that are being answered get
    /// their answer; then the server has no more work on the loop.
    void close();
    /// Closed, and every answer is sent.
    bool finished() const;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace shoal::http
