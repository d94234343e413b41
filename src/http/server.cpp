#include "http/server.h"

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <map>
#include <optional>

#include "http/response.h"
#include "http/target.h"

namespace shoal::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace beast_http = boost::beast::http;

using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using Parser = beast_http::request_parser<beast_http::string_body>;
using ErrorCode = beast::error_code;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

Method method_of(beast_http::verb verb) {
    switch (verb) {
        case beast_http::verb::get:
            return Method::get;
        case beast_http::verb::put:
            return Method::put;
        case beast_http::verb::post:
            return Method::post;
        case beast_http::verb::delete_:
            return Method::delete_;
        default:
            return Method::other;
    }
}

/// Between looks for an answer that comes later.
constexpr std::chrono::milliseconds pause_of_later{20};

/// The answer to a request that could not be read, where it deserves one.
std::optional<HttpResponse> answer_to(const ErrorCode& error) {
    if (error == beast_http::error::header_limit)
        return error_response(431, "the request's header is too long");
    if (error == beast_http::error::body_limit)
        return error_response(413, "the request's body is too long");
    if (error == beast_http::error::end_of_stream || error == beast_http::error::partial_message)
        return {};
    if (error.category() == beast_http::make_error_code(beast_http::error::bad_method).category())
        return error_response(400, "this is not HTTP: " + error.message());
    return {};
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& loop, ListeningSocket socket, Service& service, ServerLimits limits)
        : file_(std::move(socket)),
          acceptor_(loop, Protocol(), file_->release_descriptor()),
          retry_(loop),
          service_(service),
          limits_(limits) {}

    void start() {
        asio::co_spawn(
            acceptor_.get_executor(), [self = shared_from_this()] { return self->accept(); },
            asio::detached);
    }

    void close(bool at_once) {
        closing_ = true;
        file_.reset();
        ErrorCode ignored;
        acceptor_.close(ignored);
        retry_.cancel();
        for (auto* connection : connections_) {
            if (at_once || !connection->busy) connection->stream.close();
            connection->pause.cancel();
        }
    }

    bool finished() const { return closing_ && connections_.empty(); }

  private:
    struct Connection {
        Stream stream;
        Peer peer;
        asio::steady_timer pause;
        beast::flat_buffer buffer{};
        /// Between a request's header and the end of its answer.
        bool busy = false;
    };

    asio::awaitable<void> accept() {
        while (!closing_) {
            auto [error, socket] = co_await acceptor_.async_accept(as_result);
            if (closing_) co_return;
            if (error) {
                // Out of descriptors: they come back when connections end.
                retry_.expires_after(std::chrono::milliseconds(100));
                co_await retry_.async_wait(as_result);
                continue;
            }
            auto peer = peer_of(socket.native_handle());
            if (!peer || !admit_connection(peer->uid)) continue;
            ++connections_of_[peer->uid];
            asio::co_spawn(
                acceptor_.get_executor(),
                [self = shared_from_this(),
                 connection = Connection{Stream(std::move(socket)), *peer,
                                         asio::steady_timer(acceptor_.get_executor())}]() mutable {
                    return self->serve_counted(connection);
                },
                asio::detached);
        }
    }

    bool admit_connection(uid_t user) const {
        const auto count = connections_of_.find(user);
        return user == 0 || count == connections_of_.end() ||
               count->second < limits_.connections_per_user;
    }

    asio::awaitable<void> serve_counted(Connection& connection) {
        const auto place = connections_.insert(connections_.end(), &connection);
        co_await serve(connection);
        if (--connections_of_[connection.peer.uid] == 0) connections_of_.erase(connection.peer.uid);
        connections_.erase(place);
    }

    asio::awaitable<void> serve(Connection& connection) {
        bool keep_alive = true;
        while (keep_alive && !closing_) {
            Parser parser;
            parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
            // Bounded by what admit() says, once the header is known.
            parser.body_limit(boost::none);
            connection.busy = false;
            connection.stream.expires_after(limits_.header_timeout);
            auto [error, size] = co_await beast_http::async_read_header(
                connection.stream, connection.buffer, parser, as_result);
            if (closing_) co_return;
            connection.busy = true;
            if (error) {
                co_await refuse(connection, error);
                co_return;
            }
            keep_alive = co_await serve_request(connection, parser);
        }
    }

    /// Returns whether the connection can take another request.
    asio::awaitable<bool> serve_request(Connection& connection, Parser& parser) {
        auto request = request_of(connection, parser);
        if (!request) {
            co_await write(connection, error_response(400, request.error().message), false);
            co_return false;
        }
        if (auto limit = service_.admit(*request); !limit) {
            // A body that nobody will read stands between this request and the next.
            const bool keep_alive = parser.is_done() && parser.keep_alive();
            co_return co_await write(connection, std::move(limit.error()), keep_alive);
        } else if (const auto error = co_await read_body(connection, parser, *limit); error) {
            co_await refuse(connection, error);
            co_return false;
        }
        if (closing_) co_return false;
        request->body = std::move(parser.get().body());
        auto response = co_await finished(connection, service_.answer(*request));
        co_return co_await write(connection, std::move(response), parser.keep_alive());
    }

    /// The answer, once it is there.
    asio::awaitable<HttpResponse> finished(Connection& connection, HttpResponse response) {
        while (response.later) {
            if (auto answer = response.later()) {
                response = std::move(*answer);
                continue;
            }
            connection.pause.expires_after(pause_of_later);
            co_await connection.pause.async_wait(as_result);
        }
        co_return response;
    }

    Result<HttpRequest> request_of(const Connection& connection, const Parser& parser) const {
        const auto& header = parser.get();
        if (header.version() != 11) return fail("only HTTP/1.1 is spoken here");
        auto target = parse_target({header.target().data(), header.target().size()});
        if (!target) return fail(target.error());
        return HttpRequest{.method = method_of(header.method()),
                           .target = std::string(header.target()),
                           .path = std::move(target->path),
                           .query = std::move(target->query),
                           .peer = connection.peer,
                           .if_match = std::string(header[beast_http::field::if_match]),
                           .accept = std::string(header[beast_http::field::accept]),
                           .last_event_id = std::string(header["Last-Event-ID"])};
    }

    asio::awaitable<ErrorCode> read_body(Connection& connection, Parser& parser,
                                         std::size_t limit) {
        if (parser.content_length().value_or(0) > limit)
            co_return beast_http::make_error_code(beast_http::error::body_limit);
        parser.body_limit(limit);
        connection.stream.expires_after(limits_.body_timeout);
        if (!parser.is_done() &&
            beast::iequals(parser.get()[beast_http::field::expect], "100-continue")) {
            const beast_http::response<beast_http::empty_body> go_on(beast_http::status::continue_,
                                                                     parser.get().version());
            auto [error, size] =
                co_await beast_http::async_write(connection.stream, go_on, as_result);
            if (error) co_return error;
        }
        auto [error, size] = co_await beast_http::async_read(connection.stream, connection.buffer,
                                                             parser, as_result);
        co_return error;
    }

    asio::awaitable<void> refuse(Connection& connection, ErrorCode error) {
        auto response = answer_to(error);
        if (!response) co_return;
        co_await write(connection, std::move(*response), false);
    }

    /// Returns whether the connection can take another request.
    asio::awaitable<bool> write(Connection& connection, HttpResponse response, bool keep_alive) {
        keep_alive = keep_alive && !closing_;
        beast_http::response<beast_http::string_body> message(
            static_cast<beast_http::status>(response.status), 11);
        message.set(beast_http::field::content_type, response.content_type);
        for (const auto& [name, value] : response.headers)
            message.set(name, value);
        message.keep_alive(keep_alive);
        connection.stream.expires_after(limits_.write_timeout);
        if (response.stream) {
            message.chunked(true);
            co_return co_await write_stream(connection, message, response) && keep_alive;
        }
        message.body() = std::move(response.body);
        message.prepare_payload();
        auto [error, size] =
            co_await beast_http::async_write(connection.stream, message, as_result);
        co_return !error && keep_alive;
    }

    /// Returns whether all of it was sent.
    asio::awaitable<bool> write_stream(Connection& connection,
                                       beast_http::response<beast_http::string_body>& message,
                                       const HttpResponse& response) {
        beast_http::response_serializer<beast_http::string_body> serializer(message);
        auto [error, size] =
            co_await beast_http::async_write_header(connection.stream, serializer, as_result);
        while (!error && !closing_) {
            connection.stream.expires_after(limits_.write_timeout);
            const auto piece = response.stream();
            if (!piece) {
                std::tie(error, size) = co_await asio::async_write(
                    connection.stream, beast_http::make_chunk_last(), as_result);
                co_return !error;
            }
            // An empty chunk would be the end.
            if (piece->empty()) {
                co_await wait(connection, response);
                continue;
            }
            std::tie(error, size) = co_await asio::async_write(
                connection.stream, beast_http::make_chunk(asio::buffer(*piece)), as_result);
        }
        co_return false;
    }

    /// Until a stream without a piece is to be asked again. No limit of time applies meanwhile.
    asio::awaitable<void> wait(Connection& connection, const HttpResponse& response) {
        connection.pause.expires_after(response.pause);
        std::optional<Wakeup::Waiter> waiter;
        if (response.wakeup)
            waiter.emplace(response.wakeup, [&connection] { connection.pause.cancel(); });
        co_await connection.pause.async_wait(as_result);
    }

    std::optional<ListeningSocket> file_;
    Protocol::acceptor acceptor_;
    asio::steady_timer retry_;
    Service& service_;
    ServerLimits limits_;
    bool closing_ = false;
    std::list<Connection*> connections_;
    std::map<uid_t, std::size_t> connections_of_;
};

Server::Server(asio::io_context& loop, ListeningSocket socket, Service& service,
               ServerLimits limits)
    : impl_(std::make_shared<Impl>(loop, std::move(socket), service, limits)) {
    impl_->start();
}

Server::~Server() {
    impl_->close(true);
}

void Server::close() {
    impl_->close(false);
}

bool Server::finished() const {
    return impl_->finished();
}

}  // namespace shoal::http
