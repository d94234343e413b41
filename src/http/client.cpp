#include "http/client.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "http/router.h"

namespace shoal::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace beast_http = boost::beast::http;

using Protocol = asio::local::stream_protocol;
using Request = beast_http::request<beast_http::string_body>;
using Parser = beast_http::response_parser<beast_http::string_body>;

/// No answer is as long as this; it only keeps a broken server from filling the memory.
constexpr std::uint64_t longest_answer = std::uint64_t{1} << 30;

std::string reason_not_connected(const std::string& path, int error_number) {
    switch (error_number) {
        case ENOENT:
            return fmt::format("shoald is not running (no socket at {})", path);
        case ECONNREFUSED:
            return fmt::format("shoald is not running (nobody listens on {})", path);
        case EACCES:
            return fmt::format(
                "no permission to use {}: only root and members of the group shoal may", path);
        default:
            return fmt::format("{}: {}", path, std::strerror(error_number));
    }
}

HttpResponse response_of(Parser& parser) {
    auto message = parser.release();
    HttpResponse response{.status = static_cast<int>(message.result_int()),
                          .content_type = std::string(message[beast_http::field::content_type])};
    for (const auto& header : message)
        response.headers.emplace_back(header.name_string(), header.value());
    response.body = std::move(message.body());
    return response;
}

}  // namespace

class Client::Impl {
  public:
    explicit Impl(Milliseconds timeout) : timeout_(timeout) {}

    beast::error_code connect(const std::string& path) {
        beast::error_code error;
        stream_.socket().connect(Protocol::endpoint(path), error);
        return error;
    }

    Result<HttpResponse> send(const HttpRequest& request) {
        begin(request);
        // A server that refuses a long body answers before it has read it, so a failure to write
        // is not the last word.
        beast_http::async_write(stream_, request_,
                                [this](beast::error_code, std::size_t) { read(); });
        if (auto done = run(); !done) return fail(done.error());
        return response_of(*parser_);
    }

    Result<HttpResponse> receive(const HttpRequest& request,
                                 const std::function<bool(std::string_view)>& take) {
        begin(request);
        if (auto done = run_header(); !done) return fail(done.error());
        auto& message = parser_->get();
        const bool good = message.result_int() / 100 == 2;
        while (!parser_->is_done()) {
            stream_.expires_after(timeout_);
            beast_http::async_read_some(
                stream_, buffer_, *parser_,
                [this](beast::error_code error, std::size_t) { error_ = error; });
            if (auto done = run(); !done) return fail(done.error());
            if (!good || message.body().empty()) continue;
            if (!take(message.body())) break;
            message.body().clear();
        }
        return response_of(*parser_);
    }

  private:
    Result<void> run() {
        loop_.restart();
        loop_.run();
        if (error_ == beast::error::timeout)
            return fail(fmt::format("shoald did not answer within {} s", timeout_.count() / 1000));
        if (error_) return fail("shoald broke the connection off: " + error_.message());
        return {};
    }

    Result<void> run_header() {
        beast_http::async_write(stream_, request_, [this](beast::error_code, std::size_t) {
            parser_.emplace();
            // A stream has no end that is known.
            parser_->body_limit(boost::none);
            beast_http::async_read_header(
                stream_, buffer_, *parser_,
                [this](beast::error_code error, std::size_t) { error_ = error; });
        });
        return run();
    }

    void begin(const HttpRequest& request) {
        request_ =
            Request(beast_http::string_to_verb(method_name(request.method)), request.target, 11);
        request_.set(beast_http::field::host, "localhost");
        if (!request.accept.empty()) request_.set(beast_http::field::accept, request.accept);
        if (!request.last_event_id.empty()) request_.set("Last-Event-ID", request.last_event_id);
        if (!request.if_match.empty()) request_.set(beast_http::field::if_match, request.if_match);
        request_.body() = request.body;
        request_.prepare_payload();
        stream_.expires_after(timeout_);
    }

    void read() {
        parser_.emplace();
        parser_->body_limit(longest_answer);
        beast_http::async_read(stream_, buffer_, *parser_,
                               [this](beast::error_code error, std::size_t) { error_ = error; });
    }

    Milliseconds timeout_;
    asio::io_context loop_{1};
    beast::basic_stream<Protocol> stream_{loop_};
    beast::flat_buffer buffer_;
    Request request_;
    std::optional<Parser> parser_;
    beast::error_code error_;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(const std::string& path, Milliseconds timeout) {
    // Longer ones make Asio throw.
    if (path.empty() || path.size() > 107)
        return fail(
            fmt::format("\"{}\" is no path for a socket: it may have 1 to 107 bytes", path));
    auto impl = std::make_unique<Impl>(timeout);
    if (const auto error = impl->connect(path); error)
        return fail(reason_not_connected(path, error.value()));
    return Client(std::move(impl));
}

Result<HttpResponse> Client::send(const HttpRequest& request) {
    return impl_->send(request);
}

Result<HttpResponse> Client::receive(const HttpRequest& request,
                                     const std::function<bool(std::string_view)>& take) {
    return impl_->receive(request, take);
}

}  // namespace shoal::http
