#include "http/web_client.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>

#include "net/web_url.h"

namespace shoal::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace beast_http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using beast::error_code;
using OnDone = telemetry::Delivery::OnDone;
using Request = beast_http::request<beast_http::string_body>;
using Parser = beast_http::response_parser<beast_http::string_body>;

/// Of an answer, whose body nobody wants.
constexpr std::uint64_t longest_body = 1 << 16;

std::shared_ptr<ssl::context> make_context(const std::string& ca_file) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    error_code ignored;
    context->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, ignored);
    // Without authorities every handshake fails, and says why.
    if (ca_file.empty())
        context->set_default_verify_paths(ignored);
    else
        context->load_verify_file(ca_file, ignored);
    context->set_verify_mode(ssl::verify_peer, ignored);
    return context;
}

/// One POST over a stream of TCP or TLS.
class Post final : public std::enable_shared_from_this<Post> {
  public:
    Post(asio::io_context& loop, net::WebUrl url, std::shared_ptr<ssl::context> context,
         OnDone on_done)
        : url_(std::move(url)),
          context_(std::move(context)),
          resolver_(loop),
          timer_(loop),
          stream_(loop, *context_),
          on_done_(std::move(on_done)) {}

    void begin(std::string content_type, std::string body, Milliseconds timeout) {
        request_ = Request(beast_http::verb::post, url_.target, 11);
        request_.set(beast_http::field::host, url_.host_field());
        request_.set(beast_http::field::user_agent, "shoal");
        request_.set(beast_http::field::content_type, content_type);
        request_.set(beast_http::field::connection, "close");
        request_.body() = std::move(body);
        request_.prepare_payload();
        timer_.expires_after(timeout);
        timer_.async_wait([self = shared_from_this(), timeout](error_code error) {
            if (!error)
                self->finish(fail(fmt::format("no answer within {} s",
                                              static_cast<double>(timeout.count()) / 1000)));
        });
        resolver_.async_resolve(url_.host, url_.port,
                                [self = shared_from_this()](error_code error, auto found) {
                                    if (self->going_on(error)) self->connect(found);
                                });
    }

  private:
    void connect(const tcp::resolver::results_type& found) {
        beast::get_lowest_layer(stream_).async_connect(
            found, [self = shared_from_this()](error_code error, const tcp::endpoint&) {
                if (!self->going_on(error)) return;
                if (self->url_.tls)
                    self->shake_hands();
                else
                    self->write(beast::get_lowest_layer(self->stream_));
            });
    }

    void shake_hands() {
        error_code error;
        asio::ip::make_address(url_.host, error);
        // RFC 6066: an address is no server name.
        if (error) SSL_set_tlsext_host_name(stream_.native_handle(), url_.host.c_str());
        stream_.set_verify_callback(ssl::host_name_verification(url_.host), error);
        stream_.async_handshake(ssl::stream_base::client,
                                [self = shared_from_this()](error_code failed) {
                                    if (self->going_on(failed)) self->write(self->stream_);
                                });
    }

    template <class Stream>
    void write(Stream& stream) {
        // A server that refuses answers before it has read all of it, so a failure to write is not
        // the last word.
        beast_http::async_write(stream, request_,
                                [self = shared_from_this(), &stream](error_code, std::size_t) {
                                    if (self->on_done_) self->read(stream);
                                });
    }

    template <class Stream>
    void read(Stream& stream) {
        parser_.body_limit(longest_body);
        beast_http::async_read_header(stream, buffer_, parser_,
                                      [self = shared_from_this()](error_code error, std::size_t) {
                                          if (self->going_on(error))
                                              self->answered(self->parser_.get().result_int());
                                      });
    }

    void answered(unsigned status) {
        if (status / 100 == 2)
            finish({});
        else
            finish(fail(fmt::format("it answered {}", status)));
    }

    bool going_on(error_code error) {
        if (!on_done_) return false;
        if (error) finish(fail(error_in_words(error)));
        return !error;
    }

    std::string error_in_words(error_code error) {
        const auto verified = SSL_get_verify_result(stream_.native_handle());
        if (verified != X509_V_OK)
            return fmt::format("its certificate: {}", X509_verify_cert_error_string(verified));
        return error.message();
    }

    /// Ends the connection; what is still under way finds on_done_ empty.
    void finish(const Result<void>& result) {
        if (!on_done_) return;
        timer_.cancel();
        resolver_.cancel();
        beast::get_lowest_layer(stream_).close();
        std::exchange(on_done_, {})(result);
    }

    net::WebUrl url_;
    std::shared_ptr<ssl::context> context_;
    tcp::resolver resolver_;
    asio::steady_timer timer_;
    beast::ssl_stream<beast::tcp_stream> stream_;
    OnDone on_done_;
    Request request_;
    beast::flat_buffer buffer_{longest_body};
    Parser parser_;
};

}  // namespace

class WebClient::Impl {
  public:
    Impl(asio::io_context& loop, WebClientOptions options)
        : loop_(loop), options_(std::move(options)) {}

    void post(const std::string& url, std::string content_type, std::string body, OnDone on_done) {
        auto parsed = net::parse_web_url(url);
        if (!parsed) {
            asio::post(loop_, [on_done = std::move(on_done), error = parsed.error()] {
                on_done(fail(error));
            });
            return;
        }
        // Most directors have no webhook, and authorities are many to read.
        if (!context_) context_ = make_context(options_.ca_file);
        std::make_shared<Post>(loop_, std::move(*parsed), context_, std::move(on_done))
            ->begin(std::move(content_type), std::move(body), options_.timeout);
    }

  private:
    asio::io_context& loop_;
    WebClientOptions options_;
    std::shared_ptr<ssl::context> context_;
};

WebClient::WebClient(boost::asio::io_context& loop, WebClientOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
WebClient::~WebClient() = default;

void WebClient::post(const std::string& url, std::string content_type, std::string body,
                     telemetry::Delivery::OnDone on_done) {
    impl_->post(url, std::move(content_type), std::move(body), std::move(on_done));
}

}  // namespace shoal::http
