#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <array>
#include <cstring>
#include <memory>

#include "health/check_reason.h"
#include "health/exchanges/answer.h"
#include "health/exchanges/exchanges.h"
#include "health/exchanges/grpc_health.h"
#include "health/exchanges/results.h"

namespace shoal::health {

namespace {

using Session = std::unique_ptr<nghttp2_session, decltype(&nghttp2_session_del)>;

nghttp2_nv header(std::string_view name, std::string_view value) {
    // nghttp2 copies what it is given, and does not write to it.
    const auto bytes = [](std::string_view text) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// HTTP/2 is nghttp2's, without a socket: it is given what came, and says what is to be sent.
class GrpcExchange : public Exchange {
  public:
    explicit GrpcExchange(const Question& question)
        : request_(grpc_health_request(question.monitor.grpc_service)),
          authority_(question.monitor.host),
          is_tls_(question.monitor.tls) {
        if (!authority_.empty()) return;
        const auto address = question.address.to_string();
        authority_ = question.address.is_v6() ? fmt::format("[{}]:{}", address, question.port)
                                              : fmt::format("{}:{}", address, question.port);
    }

    Step begin() override {
        open_session();
        if (!session_ || !submit()) return not_asked("no HTTP/2 session");
        return {.send = to_send(), .result = std::nullopt};
    }

    Step received(std::string_view bytes) override {
        heard_ += bytes.substr(0, most_heard_bytes - heard_.size());
        received_ += bytes.size();
        const auto taken = nghttp2_session_mem_recv(
            session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        if (taken < 0)
            return failed(
                fmt::format("answered {} instead of gRPC over HTTP/2", in_quotes(heard_)));
        Step step{.send = to_send(), .result = std::nullopt};
        if (is_closed_)
            step.result = verdict();
        else if (nghttp2_session_want_read(session_.get()) == 0)
            step.result = failed("ended the HTTP/2 session, " + in_quotes(heard_)).result;
        else if (received_ > most_received)
            step.result = failed("answers without an end").result;
        return step;
    }

    Step ended() override {
        if (heard_.empty()) return failed("closed before answering");
        return failed(fmt::format("closed after answering {}", in_quotes(heard_)));
    }

    std::string_view heard() const override { return heard_; }

  private:
    static constexpr std::size_t most_heard_bytes = 256;
    /// Of frames, that of the answer and whatever else.
    static constexpr std::size_t most_received = 65'536;

    void open_session() {
        nghttp2_session_callbacks* callbacks = nullptr;
        if (nghttp2_session_callbacks_new(&callbacks) != 0) return;
        nghttp2_session_callbacks_set_on_header_callback(
            callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                          std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                          std::uint8_t, void* self) {
                if (frame->hd.stream_id == self_of(self).stream_)
                    self_of(self).take_header({reinterpret_cast<const char*>(name), name_size},
                                              {reinterpret_cast<const char*>(value), value_size});
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream,
                          const std::uint8_t* data, std::size_t size, void* self) {
                if (stream == self_of(self).stream_)
                    self_of(self).body_.add({reinterpret_cast<const char*>(data), size});
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            callbacks, [](nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
                if (stream != self_of(self).stream_) return 0;
                self_of(self).is_closed_ = true;
                self_of(self).stream_error_ = error;
                return 0;
            });
        nghttp2_session* session = nullptr;
        if (nghttp2_session_client_new(&session, callbacks, this) == 0) session_.reset(session);
        nghttp2_session_callbacks_del(callbacks);
    }

    static GrpcExchange& self_of(void* self) { return *static_cast<GrpcExchange*>(self); }

    bool submit() {
        constexpr nghttp2_settings_entry no_push{NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
        if (nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, &no_push, 1) != 0)
            return false;
        const std::array headers{
            header(":method", "POST"),
            header(":scheme", is_tls_ ? "https" : "http"),
            header(":path", "/grpc.health.v1.Health/Check"),
            header(":authority", authority_),
            header("content-type", "application/grpc"),
            header("te", "trailers"),
            header("user-agent", "Shoal"),
        };
        nghttp2_data_provider body{};
        body.source.ptr = this;
        body.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                                std::uint32_t* flags, nghttp2_data_source* source,
                                void*) -> ssize_t {
            auto& self = self_of(source->ptr);
            const auto count = std::min(room, self.request_.size());
            std::memcpy(to, self.request_.data(), count);
            self.request_.erase(0, count);
            if (self.request_.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(count);
        };
        stream_ = nghttp2_submit_request(session_.get(), nullptr, headers.data(), headers.size(),
                                         &body, nullptr);
        return stream_ > 0;
    }

    std::string to_send() {
        std::string all;
        const std::uint8_t* bytes = nullptr;
        for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_.get(), &bytes)) > 0;)
            all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
        return all;
    }

    void take_header(std::string_view name, std::string_view value) {
        constexpr std::size_t longest = 1024;
        value = value.substr(0, longest);
        if (name == ":status") http_status_ = value;
        if (name == "grpc-status") grpc_status_ = value;
        if (name == "grpc-message") grpc_message_ = value;
    }

    CheckResult verdict() const {
        const GrpcHealthAnswer answer{.http_status = http_status_,
                                      .grpc_status = grpc_status_,
                                      .grpc_message = grpc_message_,
                                      .body = body_.text()};
        auto fault = grpc_health_fault(answer);
        if (fault.empty() && stream_error_ != 0)
            fault = fmt::format("ended its answer with {}", nghttp2_http2_strerror(stream_error_));
        if (fault.empty()) return {.outcome = Outcome::answered, .reason = {}};
        return {.outcome = Outcome::failed, .reason = std::move(fault)};
    }

    std::string request_;
    std::string authority_;
    bool is_tls_;
    Session session_{nullptr, &nghttp2_session_del};
    std::int32_t stream_ = 0;
    std::string http_status_;
    std::string grpc_status_;
    std::string grpc_message_;
    Answer body_;
    bool is_closed_ = false;
    std::uint32_t stream_error_ = 0;
    std::size_t received_ = 0;
    std::string heard_;
};

}  // namespace

std::unique_ptr<Exchange> make_grpc_exchange(const Question& question) {
    return std::make_unique<GrpcExchange>(question);
}

}  // namespace shoal::health
