#include <nghttp2/nghttp2.h>

#include <map>

#include "health/exchanges/grpc_health.h"
#include "health/exchanges/testing.h"

namespace shoal::health {
namespace {

using model::MonitorType;
using std::string_view_literals::operator""sv;

using Headers = std::vector<std::pair<std::string, std::string>>;

/// nghttp2's other side: answers the one request.
class Server {
  public:
    Server(Headers head, std::string body, Headers trailers)
        : head_(std::move(head)), body_(std::move(body)), trailers_(std::move(trailers)) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_header_callback(
            callbacks, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                          std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                          std::uint8_t, void* self) {
                static_cast<Server*>(self)
                    ->request[std::string(reinterpret_cast<const char*>(name), name_size)] =
                    std::string(reinterpret_cast<const char*>(value), value_size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* data,
                          std::size_t size, void* self) {
                static_cast<Server*>(self)->request_body.append(reinterpret_cast<const char*>(data),
                                                                size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
                if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.stream_id == 1)
                    static_cast<Server*>(self)->answer();
                return 0;
            });
        nghttp2_session_server_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
        const std::array<std::uint8_t, 8> opaque{};
        nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, opaque.data());
    }
    ~Server() { nghttp2_session_del(session_); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// What it says to that.
    std::string hear(std::string_view bytes) {
        EXPECT_EQ(nghttp2_session_mem_recv(
                      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
        std::string all;
        const std::uint8_t* out = nullptr;
        for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &out)) > 0;)
            all.append(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
        return all;
    }

    std::map<std::string, std::string> request;
    std::string request_body;

  private:
    static std::vector<nghttp2_nv> pairs(Headers& headers) {
        std::vector<nghttp2_nv> all;
        for (auto& [name, value] : headers) {
            all.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                           reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                           NGHTTP2_NV_FLAG_NONE});
        }
        return all;
    }

    void answer() {
        const auto head = pairs(head_);
        if (body_.empty() && trailers_.empty()) {
            nghttp2_submit_response(session_, 1, head.data(), head.size(), nullptr);
            return;
        }
        nghttp2_data_provider provider{};
        provider.source.ptr = this;
        provider.read_callback = [](nghttp2_session* session, std::int32_t, std::uint8_t* to,
                                    std::size_t, std::uint32_t* flags, nghttp2_data_source* source,
                                    void*) -> ssize_t {
            auto& self = *static_cast<Server*>(source->ptr);
            std::copy(self.body_.begin(), self.body_.end(), to);
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (!self.trailers_.empty()) {
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                const auto trailers = pairs(self.trailers_);
                nghttp2_submit_trailer(session, 1, trailers.data(), trailers.size());
            }
            return static_cast<ssize_t>(self.body_.size());
        };
        nghttp2_submit_response(session_, 1, head.data(), head.size(), &provider);
    }

    Headers head_;
    std::string body_;
    Headers trailers_;
    nghttp2_session* session_ = nullptr;
};

const Headers usual_head{{":status", "200"}, {"content-type", "application/grpc"}};
const Headers ok{{"grpc-status", "0"}};
constexpr auto serving = "\0\0\0\0\2\x08\1"sv;

CheckResult converse(Server& server, const Question& what, bool bytewise) {
    Talk talk(what);
    for (int turn = 0; turn < 5 && talk.waits(); ++turn) {
        const auto says = server.hear(talk.said());
        if (bytewise)
            talk.hears_bytewise(says);
        else
            talk.hears(says);
    }
    return talk.result();
}

CheckResult answered_with(const Headers& head, std::string_view body, const Headers& trailers) {
    Server quick(head, std::string(body), trailers);
    Server slow(head, std::string(body), trailers);
    const auto whole = converse(quick, question(MonitorType::grpc), false);
    EXPECT_EQ(converse(slow, question(MonitorType::grpc), true).reason, whole.reason);
    return whole;
}

TEST(GrpcExchange, calls_the_health_service) {
    Server server(usual_head, std::string(serving), ok);
    auto what = question(MonitorType::grpc);
    what.monitor.grpc_service = "shop.Orders";
    EXPECT_THAT(converse(server, what, false), is_answered());
    EXPECT_EQ(server.request[":path"], "/grpc.health.v1.Health/Check");
    EXPECT_EQ(server.request[":method"], "POST");
    EXPECT_EQ(server.request[":scheme"], "http");
    EXPECT_EQ(server.request[":authority"], "192.0.2.1:8080");
    EXPECT_EQ(server.request["te"], "trailers");
    EXPECT_EQ(server.request["content-type"], "application/grpc");
    EXPECT_EQ(server.request_body, "\0\0\0\0\x0d\x0a\x0bshop.Orders"sv);
}

TEST(GrpcExchange, only_a_server_that_serves_is_up) {
    EXPECT_THAT(answered_with(usual_head, serving, ok), is_answered());
    EXPECT_THAT(answered_with(usual_head, "\0\0\0\0\2\x08\2"sv, ok),
                is_failed("answered NOT_SERVING"));
    EXPECT_THAT(answered_with(usual_head, "\0\0\0\0\0"sv, ok), is_failed("answered UNKNOWN"));
    EXPECT_THAT(answered_with(usual_head, "\0\0\0\0\2\x08\7"sv, ok),
                is_failed("answered status 7"));
}

TEST(GrpcExchange, an_error_is_named) {
    EXPECT_THAT(answered_with(usual_head, "", {{"grpc-status", "14"}, {"grpc-message", "soon"}}),
                is_failed(R"(answered UNAVAILABLE "soon")"));
    auto trailers_only = usual_head;
    trailers_only.emplace_back("grpc-status", "12");
    EXPECT_THAT(answered_with(trailers_only, "", {}), is_failed("answered UNIMPLEMENTED"));
    EXPECT_THAT(answered_with(usual_head, serving, {{"grpc-status", "99"}}),
                is_failed(R"(answered "99")"));
    EXPECT_THAT(answered_with(usual_head, serving, {}),
                is_failed("answered without a gRPC status"));
    EXPECT_THAT(answered_with({{":status", "404"}}, "", {}),
                is_failed(R"(answered HTTP status "404")"));
}

TEST(GrpcExchange, a_broken_message_is_no_status) {
    for (const auto body :
         {""sv, "\0\0\0\0\1\x08"sv, "\0\0\0\0\3\x08\1"sv, "\1\0\0\0\2\x08\1"sv,
          "\0\0\0\0\2\x0f\1"sv, "\0\0\0\0\2\x12\5"sv, "\0\xff\xff\xff\xff\x08\1"sv})
        EXPECT_THAT(
            answered_with(usual_head, body, ok),
            testing::Field(&CheckResult::reason, testing::HasSubstr("instead of a health status")));
}

TEST(GrpcExchange, fields_that_are_not_known_are_passed_over) {
    constexpr auto body =
        "\0\0\0\0\x17\x12\2xx\x19"
        "12345678\x25"
        "1234\x08\1\x18\xff\1"sv;
    EXPECT_THAT(answered_with(usual_head, body, ok), is_answered());
}

TEST(GrpcExchange, something_else_than_http_2_fails) {
    Talk talk(question(MonitorType::grpc));
    const auto result =
        talk.hears("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").result();
    EXPECT_EQ(result.outcome, Outcome::failed);
    EXPECT_THAT(result.reason, testing::HasSubstr("\"HTTP/1.1 400"));
    EXPECT_THAT(Talk(question(MonitorType::grpc)).hears_the_end().result(),
                is_failed("closed before answering"));
}

TEST(GrpcExchange, an_endless_conversation_ends) {
    Talk talk(question(MonitorType::grpc));
    talk.hears("\0\0\0\4\0\0\0\0\0"sv);  // SETTINGS
    for (int i = 0; i < 10'000 && talk.waits(); ++i)
        talk.hears(
            "\0\0\x08\6\0\0\0\0\0"
            "12345678"sv);  // PING
    EXPECT_THAT(talk.result(), is_failed("answers without an end"));
}

}  // namespace
}  // namespace shoal::health
