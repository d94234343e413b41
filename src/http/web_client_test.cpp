#include "http/web_client.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>

namespace shoal::http {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

/// Certificates that sign themselves: `good` for 127.0.0.1, `other` for another host.
class Certificates {
  public:
    Certificates() {
        std::string pattern = std::filesystem::temp_directory_path() / "shoal-web-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
        make("good", "IP:127.0.0.1");
        make("other", "DNS:other.example.com");
    }
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;
    ~Certificates() { std::filesystem::remove_all(folder_); }
    const std::string& folder() const { return folder_; }

  private:
    void make(const std::string& name, const std::string& subject) {
        const auto file = folder_ + "/" + name;
        const auto command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            "-subj /CN=test -addext subjectAltName=" +
            subject + " -keyout " + file + ".key -out " + file + ".pem 2>/dev/null";
        EXPECT_EQ(std::system(command.c_str()), 0);
    }

    std::string folder_;
};

const std::string& certificates() {
    static const Certificates made;
    return made.folder();
}

/// Answers one request with `answer`; in silence if that is empty.
class WebServer {
  public:
    WebServer(asio::io_context& loop, std::string answer, const std::string& certificate = "")
        : answer_(std::move(answer)),
          acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        if (!certificate.empty()) {
            context_.use_certificate_chain_file(certificate + ".pem");
            context_.use_private_key_file(certificate + ".key", ssl::context::pem);
        }
        // It takes from the context what is there by then.
        stream_.emplace(loop, context_);
        acceptor_.async_accept(stream_->next_layer(), [this, certificate](error_code error) {
            if (error) return;
            if (certificate.empty())
                read(stream_->next_layer());
            else
                stream_->async_handshake(ssl::stream_base::server, [this](error_code failed) {
                    if (!failed) read(*stream_);
                });
        });
    }
    std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
    const std::string& heard() const { return heard_; }

  private:
    template <class Stream>
    void read(Stream& stream) {
        asio::async_read_until(stream, asio::dynamic_buffer(heard_), "}",
                               [this, &stream](error_code error, std::size_t) {
                                   if (error || answer_.empty()) return;
                                   asio::async_write(stream, asio::buffer(answer_),
                                                     [](error_code, std::size_t) {});
                               });
    }

    std::string answer_;
    std::string heard_;
    ssl::context context_{ssl::context::tls_server};
    tcp::acceptor acceptor_;
    std::optional<ssl::stream<tcp::socket>> stream_;
};

constexpr auto ok = "HTTP/1.1 204 No Content\r\n\r\n";

class WebClientTest : public testing::Test {
  protected:
    /// "" or the error of posting {"a":1}.
    std::string post(const std::string& url, WebClientOptions options = {}) {
        if (options.ca_file.empty()) options.ca_file = certificates() + "/good.pem";
        WebClient client(loop_, std::move(options));
        std::optional<std::string> end;
        client.post(url, "application/json", "{\"a\":1}", [&](const Result<void>& done) {
            end = done ? std::string() : done.error().message;
        });
        EXPECT_FALSE(end) << "never from within the call";
        const auto give_up = Clock::now() + std::chrono::minutes(1);
        while (!end && Clock::now() < give_up) {
            loop_.restart();
            loop_.run_one_for(Milliseconds(10));
        }
        return end.value_or("it never ended");
    }

    asio::io_context loop_;
};

TEST_F(WebClientTest, a_body_is_posted) {
    const WebServer server(loop_, ok);
    EXPECT_EQ(post("http://127.0.0.1:" + server.port() + "/shoal?a=b"), "");
    EXPECT_TRUE(server.heard().starts_with("POST /shoal?a=b HTTP/1.1\r\n")) << server.heard();
    EXPECT_NE(server.heard().find("\r\nHost: 127.0.0.1:" + server.port() + "\r\n"),
              std::string::npos);
    EXPECT_NE(server.heard().find("\r\nContent-Type: application/json\r\n"), std::string::npos);
    EXPECT_TRUE(server.heard().ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_F(WebClientTest, another_answer_than_success_is_an_error) {
    const WebServer broken(loop_, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(post("http://127.0.0.1:" + broken.port()), "it answered 500");
    const WebServer moved(loop_, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n");
    EXPECT_EQ(post("http://127.0.0.1:" + moved.port()), "it answered 302");
}

TEST_F(WebClientTest, what_is_no_http_is_an_error) {
    const WebServer server(loop_, "SSH-2.0-OpenSSH\r\n\r\n");
    EXPECT_NE(post("http://127.0.0.1:" + server.port()), "");
}

TEST_F(WebClientTest, a_silent_server_is_given_up) {
    const WebServer server(loop_, "");
    EXPECT_EQ(post("http://127.0.0.1:" + server.port(), {.timeout = Milliseconds(200)}),
              "no answer within 0.2 s");
}

TEST_F(WebClientTest, nobody_listening_is_told) {
    // Bound, so that nobody else gets it, and not listening.
    const tcp::socket closed(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    EXPECT_EQ(post("http://127.0.0.1:" + std::to_string(closed.local_endpoint().port())),
              "Connection refused");
}

TEST_F(WebClientTest, what_is_no_url_is_told) {
    EXPECT_EQ(post("gopher://a/"), "\"gopher://a/\" is no URL of http or https");
}

TEST_F(WebClientTest, over_tls_a_right_certificate_is_taken) {
    const WebServer server(loop_, ok, certificates() + "/good");
    EXPECT_EQ(post("https://127.0.0.1:" + server.port()), "");
}

TEST_F(WebClientTest, a_certificate_of_an_unknown_authority_is_refused) {
    const WebServer server(loop_, ok, certificates() + "/good");
    EXPECT_EQ(
        post("https://127.0.0.1:" + server.port(), {.ca_file = certificates() + "/other.pem"}),
        "its certificate: self-signed certificate");
    EXPECT_EQ(server.heard(), "");
}

TEST_F(WebClientTest, a_certificate_for_another_host_is_refused) {
    const WebServer server(loop_, ok, certificates() + "/other");
    EXPECT_NE(
        post("https://127.0.0.1:" + server.port(), {.ca_file = certificates() + "/other.pem"}), "");
    EXPECT_EQ(server.heard(), "");
}

TEST_F(WebClientTest, a_server_without_tls_is_an_error) {
    const WebServer server(loop_, ok);
    EXPECT_NE(post("https://127.0.0.1:" + server.port(), {.timeout = Milliseconds(1000)}), "");
}

}  // namespace
}  // namespace shoal::http
