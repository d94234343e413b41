#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ssl.hpp>
#include <optional>

#include "health/check.h"
#include "health/check_tools.h"
#include "health/exchange.h"
#include "health/test_certificates.h"
#include "health/test_servers.h"

// Checks over TLS, against servers with good and bad certificates.

namespace shoal::health {
namespace {

namespace ssl = asio::ssl;
using model::MonitorType;
using testing::HasSubstr;
using testing::StartsWith;

/// Shakes hands, waits for one byte and answers "220 ready".
class TlsServer {
  public:
    using Stream = ssl::stream<tcp::socket>;

    TlsServer(asio::io_context& loop, const Identity& identity)
        : context_(ssl::context::tls_server),
          server_(loop, [this](const TcpServer::Connection& connection) { serve(connection); }) {
        SSL_CTX_use_certificate(context_.native_handle(), identity.certificate());
        SSL_CTX_use_PrivateKey(context_.native_handle(), identity.key());
        SSL_CTX_set_tlsext_servername_callback(context_.native_handle(), note_name);
        SSL_CTX_set_tlsext_servername_arg(context_.native_handle(), &asked_name_);
    }
    std::uint16_t port() const { return server_.port(); }
    /// Insists on a client's certificate of this authority.
    void want_client_of(const Identity& authority) {
        context_.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.native_handle()),
                            authority.certificate());
    }
    /// What the last client asked for by SNI.
    const std::string& asked_name() const { return asked_name_; }

  private:
    static int note_name(SSL* session, int* /*alert*/, void* asked_name) {
        const auto* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
        *static_cast<std::string*>(asked_name) = name ? name : "";
        return SSL_TLSEXT_ERR_OK;
    }
    void serve(const TcpServer::Connection& connection) {
        auto stream = std::make_shared<Stream>(std::move(*connection), context_);
        stream->async_handshake(ssl::stream_base::server, [stream](auto error) {
            if (error) return;
            auto byte = std::make_shared<char>();
            stream->async_read_some(asio::buffer(byte.get(), 1),
                                    [stream, byte](auto problem, auto) {
                                        if (!problem) {
                                            asio::async_write(*stream, asio::buffer("220 ready", 9),
                                                              [stream](auto, auto) {});
                                        }
                                    });
        });
    }

    ssl::context context_;
    std::string asked_name_;
    TcpServer server_;
};

class CheckTlsTest : public testing::Test {
  protected:
    Question question(std::uint16_t port) const {
        Question question;
        question.address = net::Address::parse("127.0.0.1").value();
        question.port = port;
        question.monitor.type = MonitorType::tls;
        question.monitor.verify_certificate = true;
        question.monitor.ca_file = (files_ / "ca.pem").string();
        question.monitor.server_name = "www.example.com";
        return question;
    }
    CheckResult check(const Question& question, Milliseconds timeout = Milliseconds(10'000)) {
        std::optional<CheckResult> result;
        transcript_ = std::make_shared<Transcript>();
        const Check check(
            tools_, std::make_shared<Question>(question), timeout,
            [&](const CheckResult& done) { result = done; }, transcript_);
        EXPECT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
        return result.value_or(CheckResult{});
    }
    std::string failure(const Question& question) {
        const auto result = check(question);
        EXPECT_EQ(result.outcome, Outcome::failed);
        return result.reason;
    }
    void SetUp() override { authority_.write_certificate(files_ / "ca.pem"); }

    const CertificateOrder good_{.names = "DNS:www.example.com"};
    TestDirectory files_;
    Identity authority_ = Identity::authority("Example Authority");
    asio::io_context loop_;
    CheckTools tools_{loop_};
    std::shared_ptr<Transcript> transcript_;
};

TEST_F(CheckTlsTest, a_handshake_with_a_good_certificate_is_enough) {
    const TlsServer server(loop_, authority_.issue(good_));
    const auto result = check(question(server.port()));
    EXPECT_EQ(result.outcome, Outcome::answered) << result.reason;
    EXPECT_EQ(server.asked_name(), "www.example.com");
    std::string said;
    for (const auto& line : transcript_->lines)
        said += line.text + '\n';
    EXPECT_THAT(said, HasSubstr("TLSv1.3"));
    EXPECT_THAT(said, HasSubstr("Example Authority"));
}

TEST_F(CheckTlsTest, an_expired_certificate_fails_with_its_date) {
    const TlsServer server(loop_, authority_.issue({good_.names, -2 * 86'400, -86'400}));
    EXPECT_THAT(failure(question(server.port())), StartsWith("its certificate expired on 20"));
}

TEST_F(CheckTlsTest, a_certificate_of_the_future_fails_with_its_date) {
    const TlsServer server(loop_, authority_.issue({good_.names, 86'400, 2 * 86'400}));
    EXPECT_THAT(failure(question(server.port())),
                StartsWith("its certificate is not valid before 20"));
}

TEST_F(CheckTlsTest, a_certificate_for_another_name_fails) {
    const TlsServer server(loop_, authority_.issue({.names = "DNS:mail.example.com"}));
    EXPECT_EQ(failure(question(server.port())), "its certificate is not for www.example.com");
}

TEST_F(CheckTlsTest, a_certificate_of_an_unknown_authority_fails) {
    const TlsServer server(loop_, Identity::authority("Somebody Else").issue(good_));
    EXPECT_EQ(failure(question(server.port())), "its certificate is from an unknown authority");
}

TEST_F(CheckTlsTest, a_certificate_that_vouches_for_itself_fails) {
    const TlsServer server(loop_, Identity::authority("www.example.com"));
    EXPECT_EQ(failure(question(server.port())), "its certificate is from an unknown authority");
}

TEST_F(CheckTlsTest, nothing_of_that_matters_where_the_certificate_is_not_verified) {
    const TlsServer server(loop_,
                           Identity::authority("Somebody Else").issue({"DNS:x", -9000, -8000}));
    auto asked = question(server.port());
    asked.monitor.verify_certificate = false;
    EXPECT_EQ(check(asked).outcome, Outcome::answered);
}

TEST_F(CheckTlsTest, without_a_name_the_certificate_must_be_for_the_address) {
    const TlsServer server(loop_, authority_.issue({.names = "IP:127.0.0.1"}));
    auto asked = question(server.port());
    asked.monitor.server_name.clear();
    EXPECT_EQ(check(asked).outcome, Outcome::answered);
    EXPECT_EQ(server.asked_name(), "");
    asked.monitor.host = "127.0.0.2:8443";
    EXPECT_EQ(failure(asked), "its certificate is not for 127.0.0.2");
}

TEST_F(CheckTlsTest, an_exchange_runs_inside_tls) {
    const TlsServer server(loop_, authority_.issue(good_));
    auto asked = question(server.port());
    asked.monitor.type = MonitorType::text;
    asked.monitor.tls = true;
    asked.monitor.send = "?";
    asked.monitor.expect = "220 ready";
    const auto result = check(asked);
    EXPECT_EQ(result.outcome, Outcome::answered) << result.reason;
    EXPECT_EQ(result.heard, "220 ready");
    asked.monitor.expect = "250";
    EXPECT_EQ(failure(asked), R"(answered "220 ready" instead of "250")");
}

TEST_F(CheckTlsTest, a_client_certificate_is_shown_to_who_asks_for_it) {
    TlsServer server(loop_, authority_.issue(good_));
    server.want_client_of(authority_);
    auto asked = question(server.port());
    asked.monitor.type = MonitorType::text;
    asked.monitor.tls = true;
    asked.monitor.send = "?";
    asked.monitor.expect = "220";
    EXPECT_THAT(failure(asked), HasSubstr("TLS"));
    const auto client = authority_.issue({.names = "DNS:director.example.com"});
    client.write_certificate(files_ / "client.pem");
    client.write_key(files_ / "client.key");
    asked.monitor.certificate_file = (files_ / "client.pem").string();
    asked.monitor.key_file = (files_ / "client.key").string();
    const auto result = check(asked);
    EXPECT_EQ(result.outcome, Outcome::answered) << result.reason;
}

TEST_F(CheckTlsTest, a_file_that_cannot_be_read_blames_no_server_and_is_read_when_it_is_there) {
    const TlsServer server(loop_, authority_.issue(good_));
    auto asked = question(server.port());
    asked.monitor.ca_file = (files_ / "later.pem").string();
    const auto result = check(asked);
    EXPECT_EQ(result.outcome, Outcome::not_asked);
    EXPECT_THAT(result.reason, HasSubstr("later.pem"));
    authority_.write_certificate(files_ / "later.pem");
    EXPECT_EQ(check(asked).outcome, Outcome::answered);
}

TEST_F(CheckTlsTest, a_file_that_changes_is_read_again) {
    const TlsServer server(loop_, authority_.issue(good_));
    EXPECT_EQ(check(question(server.port())).outcome, Outcome::answered);
    // Another file under the name, as tools that renew certificates put it there.
    Identity::authority("Somebody Else").write_certificate(files_ / "new.pem");
    std::filesystem::rename(files_ / "new.pem", files_ / "ca.pem");
    EXPECT_EQ(failure(question(server.port())), "its certificate is from an unknown authority");
}

TEST_F(CheckTlsTest, who_speaks_no_tls_fails) {
    const TcpServer server(loop_, [](const TcpServer::Connection& connection) {
        asio::write(*connection, asio::buffer("220 plain text\r\n", 16));
    });
    EXPECT_EQ(failure(question(server.port())), "TLS handshake: wrong version number");
}

TEST_F(CheckTlsTest, who_closes_or_resets_during_the_handshake_fails) {
    const TcpServer closes(loop_, [](const TcpServer::Connection& connection) {
        // Read what came, or closing would be a reset.
        auto hello = std::make_shared<std::array<char, 2048>>();
        connection->async_read_some(asio::buffer(*hello),
                                    [hello, connection](auto, auto) { connection->close(); });
    });
    EXPECT_EQ(failure(question(closes.port())), "closed during the TLS handshake");
    const TcpServer resets(loop_, [](const TcpServer::Connection& connection) {
        connection->set_option(tcp::socket::linger(true, 0));
        connection->close();
    });
    EXPECT_EQ(failure(question(resets.port())), "connection reset");
}

TEST_F(CheckTlsTest, a_handshake_that_nobody_answers_is_silence) {
    std::vector<TcpServer::Connection> kept;
    const TcpServer silent(
        loop_, [&](const TcpServer::Connection& connection) { kept.push_back(connection); });
    const auto result = check(question(silent.port()), Milliseconds(300));
    EXPECT_EQ(result.outcome, Outcome::silent);
    EXPECT_EQ(result.reason, "connected, but the TLS handshake was not done within 300 ms");
}

}  // namespace
}  // namespace shoal::health
