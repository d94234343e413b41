#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <list>
#include <random>

#include "http/client.h"
#include "http/response.h"
#include "http/test_server.h"

namespace shoal::http {
namespace {

using test::RawConnection;
using test::RunningServer;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t body_limit = std::size_t{16} << 20;

/// Answers with what it was asked.
class Echo : public Service {
  public:
    std::expected<std::size_t, HttpResponse> admit(const HttpRequest& header) override {
        if (header.path.empty() || header.path[0] == "refused")
            return std::unexpected(error_response(403, "not for you"));
        return header.path[0] == "nobody" ? 0 : body_limit;
    }
    HttpResponse answer(const HttpRequest& request) override {
        if (request.path[0] == "pieces")
            return {.content_type = "text/plain",
                    .stream = [n = 0]() mutable -> std::optional<std::string> {
                        if (++n > 1000) return {};
                        return n % 2 == 0 ? "" : std::to_string(n) + " ";
                    }};
        if (request.path[0] == "quiet")
            return {.stream = [this]() -> std::optional<std::string> {
                        ++asked;
                        return std::exchange(news, "");
                    },
                    .pause = std::chrono::hours(1),
                    .wakeup = wakeup};
        if (request.path[0] == "later")
            return {.later = [n = 0,
                              tag = request.if_match]() mutable -> std::optional<HttpResponse> {
                if (++n < 4) return {};
                return HttpResponse{.status = 412, .headers = {{"ETag", tag}}, .body = "at last"};
            }};
        if (request.path[0] == "large") return {.body = std::string(std::size_t{64} << 20, 'x')};
        if (request.path[0] == "close") server->close();
        return {.content_type = "text/plain",
                .headers = {{"X-Target", request.target}},
                .body = request.body.size() > 100 ? std::to_string(request.body.size())
                                                  : "said: " + request.body};
    }
    RunningServer* server = nullptr;
    // Of "quiet"; for use on the loop.
    std::string news = "first";
    std::atomic<int> asked = 0;
    std::shared_ptr<Wakeup> wakeup = std::make_shared<Wakeup>();
};

class ServerTest : public ::testing::Test {
  protected:
    explicit ServerTest(const ServerLimits& limits = {.connections_per_user = 4})
        : server(echo, limits) {}

    std::string ask(std::string_view request) {
        RawConnection connection(server.path());
        connection.send(request);
        connection.finish_sending();
        return connection.receive_all();
    }
    Result<HttpResponse> send(Method method, std::string target, std::string body = "") {
        auto client = Client::connect(server.path());
        if (!client) return fail(client.error());
        return client->send(
            {.method = method, .target = std::move(target), .body = std::move(body)});
    }
    void expect_alive() {
        const auto response = send(Method::put, "/echo", "still here");
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->body, "said: still here");
    }

    Echo echo;
    RunningServer server;
};

TEST_F(ServerTest, an_answer_may_come_later) {
    auto client = Client::connect(server.path());
    ASSERT_TRUE(client);
    for (int round = 0; round < 2; ++round) {
        const auto response = client->send({.target = "/later", .if_match = "\"7-ab\""});
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_EQ(response->status, 412);
        EXPECT_EQ(response->body, "at last");
        EXPECT_THAT(response->headers, ::testing::Contains(::testing::Pair("ETag", "\"7-ab\"")));
    }
}

TEST_F(ServerTest, many_requests_share_one_connection) {
    auto client = Client::connect(server.path());
    ASSERT_TRUE(client.has_value());
    for (int i = 0; i < 100; ++i) {
        const auto response =
            client->send({.method = Method::put, .target = "/echo", .body = std::to_string(i)});
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->status, 200);
        EXPECT_EQ(response->content_type, "text/plain");
        EXPECT_EQ(response->body, "said: " + std::to_string(i));
    }
}

TEST_F(ServerTest, requests_sent_ahead_are_answered_in_order) {
    const auto answers =
        ask("PUT /1 HTTP/1.1\r\nContent-Length: 1\r\n\r\na"
            "PUT /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"
            "GET /refused HTTP/1.1\r\n\r\n"
            "GET /4 HTTP/1.1\r\nConnection: close\r\n\r\nGET /5 HTTP/1.1\r\n\r\n");
    EXPECT_THAT(answers, ::testing::ContainsRegex(
                             "said: a(.|\n|\r)*said: b(.|\n|\r)*403(.|\n|\r)*X-Target: /4"));
    EXPECT_THAT(answers, ::testing::Not(HasSubstr("/5")));
}

TEST_F(ServerTest, the_longest_body_passes_and_a_longer_one_is_refused) {
    const auto longest = send(Method::put, "/echo", std::string(body_limit, 'x'));
    ASSERT_TRUE(longest.has_value()) << longest.error().message;
    EXPECT_EQ(longest->body, std::to_string(body_limit));
    const auto longer = send(Method::put, "/echo", std::string(body_limit + 1, 'x'));
    ASSERT_TRUE(longer.has_value()) << longer.error().message;
    EXPECT_EQ(longer->status, 413);
    expect_alive();
}

TEST_F(ServerTest, a_body_in_chunks_has_the_same_limit) {
    RawConnection connection(server.path());
    connection.send("PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "100000\r\n" + std::string(std::size_t{1} << 20, 'x') + "\r\n";
    int sent = 0;
    while (sent < 64 && connection.send(chunk))
        ++sent;
    EXPECT_LT(sent, 64);
    EXPECT_THAT(connection.receive_all(), StartsWith("HTTP/1.1 413"));
    expect_alive();
}

TEST_F(ServerTest, a_body_where_none_belongs_is_refused) {
    EXPECT_EQ(send(Method::put, "/nobody", "x")->status, 413);
    EXPECT_EQ(send(Method::get, "/nobody")->status, 200);
}

TEST_F(ServerTest, a_refused_request_is_answered_before_its_body_comes) {
    RawConnection connection(server.path());
    connection.send("PUT /refused HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
    EXPECT_THAT(connection.receive_all(),
                AllOf(StartsWith("HTTP/1.1 403"), HasSubstr(R"("detail":"not for you")")));
}

TEST_F(ServerTest, a_client_that_waits_for_permission_gets_it) {
    RawConnection connection(server.path());
    connection.send("PUT /e HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_THAT(connection.receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 100"));
    connection.send("ok");
    EXPECT_THAT(connection.receive_until("said: ok"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, a_header_too_long_is_refused) {
    const auto answer = ask("GET /echo HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 431"));
    expect_alive();
}

TEST_F(ServerTest, garbage_is_refused) {
    EXPECT_THAT(ask("\x16\x03\x01\x02garbage\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask("GET nowhere HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask("GET /%zz HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask("GET /echo HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask("PUT /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
                StartsWith("HTTP/1.1 400"));
    expect_alive();
}

TEST_F(ServerTest, no_noise_harms) {
    std::mt19937 random(4711);
    const std::string_view start =
        "PUT /echo?a=%20 HTTP/1.1\r\nContent-Length: 10\r\nHost: x\r\n\r\n";
    for (int round = 0; round < 300; ++round) {
        std::string request(start);
        for (int i = 0; i < 3; ++i)
            request[random() % request.size()] = static_cast<char>(random());
        ask(request.substr(0, random() % 4 == 0 ? random() % request.size() : request.size()) +
            "0123456789");
    }
    expect_alive();
}

class ImpatientServerTest : public ServerTest {
  protected:
    ImpatientServerTest()
        : ServerTest({.header_timeout = Milliseconds(400),
                      .body_timeout = Milliseconds(400),
                      .write_timeout = Milliseconds(400)}) {}
};

TEST_F(ImpatientServerTest, a_client_that_stops_talking_is_cut_off) {
    RawConnection silent(server.path());
    RawConnection in_header(server.path());
    in_header.send("GET /echo HTT");
    RawConnection in_body(server.path());
    in_body.send("PUT /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
    EXPECT_EQ(silent.receive_all(), "");
    EXPECT_EQ(in_header.receive_all(), "");
    EXPECT_EQ(in_body.receive_all(), "");
}

TEST_F(ImpatientServerTest, a_client_that_drips_is_cut_off) {
    RawConnection connection(server.path());
    connection.send("GET /echo HTTP/1.1\r\n");
    const auto begin = Clock::now();
    while (connection.send("X: y\r\n") && Clock::now() - begin < std::chrono::seconds(10))
        std::this_thread::sleep_for(Milliseconds(20));
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(ImpatientServerTest, a_client_that_does_not_read_delays_nobody_and_is_cut_off) {
    RawConnection connection(server.path());
    connection.send("GET /large HTTP/1.1\r\n\r\n");
    expect_alive();
    // Until the server has given up; then only what lay in the socket's buffer can be read.
    while (connection.send("x"))
        std::this_thread::sleep_for(Milliseconds(20));
    EXPECT_LT(connection.receive_all().size(), std::size_t{64} << 20);
}

TEST_F(ServerTest, a_streamed_body_arrives_whole) {
    std::string expected;
    for (int n = 1; n <= 1000; n += 2)
        expected += std::to_string(n) + " ";
    auto client = Client::connect(server.path());
    for (int i = 0; i < 2; ++i) {
        const auto response = client->send({.method = Method::get, .target = "/pieces"});
        ASSERT_TRUE(response.has_value()) << response.error().message;
        EXPECT_EQ(response->body, expected);
    }
}

TEST_F(ImpatientServerTest, a_quiet_stream_is_asked_when_it_wakes_and_else_left_alone) {
    RawConnection connection(server.path());
    connection.send("GET /quiet HTTP/1.1\r\n\r\n");
    EXPECT_THAT(connection.receive_until("first"), StartsWith("HTTP/1.1 200"));
    // Longer than any limit of time.
    std::this_thread::sleep_for(Milliseconds(1'200));
    EXPECT_EQ(echo.asked.load(), 2) << "for what comes first, and for more";
    for (const std::string news : {"second", "third"}) {
        server.on_loop([this, news] {
            echo.news = news;
            echo.wakeup->wake();
        });
        EXPECT_THAT(connection.receive_until(news), HasSubstr(news));
    }
    server.on_loop([this] { server.close(); });
    EXPECT_THAT(connection.receive_all(), ::testing::Not(HasSubstr("first")));
    EXPECT_LE(echo.asked.load(), 6);
}

/// Runs `action` as another user and gives its exit status.
template <class Action>
int as_user(uid_t uid, Action action) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::setgid(uid) == 0 && ::setuid(uid) == 0 ? action() : 99);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ServerTest, one_user_cannot_take_every_connection) {
    ASSERT_EQ(::getuid(), 0U) << "only root can become another user";
    std::filesystem::permissions(server.folder().path(), std::filesystem::perms::all);
    std::filesystem::permissions(server.path(), std::filesystem::perms::all);
    const int served = as_user(65534, [this] {
        std::list<RawConnection> connections;
        int answered = 0;
        for (int i = 0; i < 10; ++i) {
            auto& connection = connections.emplace_back(server.path());
            connection.send("GET /echo HTTP/1.1\r\n\r\n");
            if (connection.receive_until("said: ").starts_with("HTTP/1.1 200")) ++answered;
        }
        return answered;
    });
    EXPECT_EQ(served, 4);
    expect_alive();
}

TEST_F(ServerTest, the_answer_to_the_request_that_closes_is_sent) {
    echo.server = &server;
    RawConnection idle(server.path());
    const auto response = send(Method::post, "/close");
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(idle.receive_all(), "");
    EXPECT_FALSE(std::filesystem::exists(server.path()));
    EXPECT_THAT(Client::connect(server.path()).error().message,
                StartsWith("shoald is not running (no socket at "));
}

TEST(Client, says_why_it_cannot_connect) {
    const test::TemporaryFolder folder;
    EXPECT_EQ(Client::connect(folder.file("s")).error().message,
              "shoald is not running (no socket at " + folder.file("s") + ")");
    EXPECT_THAT(Client::connect(std::string(200, 'x')).error().message, HasSubstr("no path"));
    EXPECT_THAT(Client::connect("").error().message, HasSubstr("no path"));
}

TEST(Client, gives_up_on_a_server_that_does_not_answer) {
    const test::TemporaryFolder folder;
    const auto deaf = ListeningSocket::open(folder.file("s"), {});
    auto client = Client::connect(folder.file("s"), Milliseconds(1000));
    ASSERT_TRUE(client.has_value());
    EXPECT_EQ(client->send({.target = "/"}).error().message, "shoald did not answer within 1 s");
}

}  // namespace
}  // namespace shoal::http
