#include <fmt/format.h>

#include <vector>

#include "health/check_reason.h"
#include "health/exchanges/exchanges.h"
#include "health/exchanges/http_answer.h"
#include "health/exchanges/results.h"
#include "model/text.h"

namespace shoal::health {

namespace {

using model::StatusRange;

/// What a request names as its host (RFC 9112, 3.2).
std::string host_of(const Question& question) {
    const auto& monitor = question.monitor;
    if (!monitor.host.empty()) return monitor.host;
    const bool is_tls = monitor.tls || monitor.type == model::MonitorType::https;
    const auto address = question.address.to_string();
    auto host = question.address.is_v6() ? fmt::format("[{}]", address) : address;
    constexpr std::uint16_t http_port = 80;
    constexpr std::uint16_t https_port = 443;
    if (question.port != (is_tls ? https_port : http_port))
        host += fmt::format(":{}", question.port);
    return host;
}

std::string request_of(const Question& question) {
    const auto& method = question.monitor.method;
    const bool sends_body = method == "POST" || method == "PUT" || method == "PATCH";
    return fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Shoal\r\nAccept: */*\r\n{}"
        "Connection: close\r\n\r\n",
        method, question.monitor.path, host_of(question),
        sends_body ? "Content-Length: 0\r\n" : "");
}

class HttpExchange : public Exchange {
  public:
    explicit HttpExchange(const Question& question)
        : request_(request_of(question)),
          status_(question.monitor.status),
          pattern_text_(question.monitor.expect_pattern),
          answer_(question.monitor.method != "HEAD") {
        if (status_.empty()) status_.emplace_back();
    }

    Step begin() override {
        if (!pattern_text_.empty()) {
            pattern_ = kept_pattern(pattern_text_);
            if (!pattern_) return not_asked("bad pattern " + in_quotes(pattern_text_));
        }
        return send_on(request_);
    }

    Step received(std::string_view bytes) override {
        heard_ += bytes.substr(0, most_heard_bytes - heard_.size());
        answer_.feed(bytes);
        return judge();
    }

    Step ended() override {
        if (heard_.empty()) return failed("closed before answering");
        answer_.end();
        const auto step = judge();
        if (step.result) return step;
        return failed(fmt::format("closed in the middle of its answer, {}", in_quotes(heard_)));
    }

    std::string_view heard() const override { return heard_; }

  private:
    static constexpr std::size_t most_heard_bytes = 256;

    Step judge() {
        // A status that came counts, whatever is wrong after it.
        if (answer_.status() && !is_expected(*answer_.status())) return wrong_status();
        if (!answer_.has_head() || (pattern_ && !answer_.fault().empty())) return judge_head();
        return pattern_ ? judge_body() : answered();
    }

    Step judge_head() const {
        if (answer_.fault().empty()) return wait_on();
        return failed(fmt::format("{}: answered {}", answer_.fault(), in_quotes(heard_)));
    }

    Step judge_body() {
        auto& body = answer_.body();
        if (body.find(*pattern_)) return answered();
        if (body.is_searched_out())
            return failed("the body of its answer comes in too many small pieces to be searched");
        if (!answer_.is_complete() && !body.is_full()) return wait_on();
        return failed(fmt::format("answered {}, but with {}, which {} does not match",
                                  *answer_.status(), in_quotes(body.text()),
                                  in_quotes(pattern_text_)));
    }

    bool is_expected(int status) const {
        return std::ranges::any_of(status_, [&](const StatusRange& range) {
            return range.first <= status && status <= range.last;
        });
    }

    Step wrong_status() const {
        std::string expected;
        for (const auto& range : status_)
            expected += (expected.empty() ? "" : ", ") + model::format_status_range(range);
        const auto& words = answer_.reason();
        return failed(fmt::format("answered {}{} instead of {}", *answer_.status(),
                                  words.empty() ? "" : " " + in_quotes(words), expected));
    }

    std::string request_;
    std::vector<StatusRange> status_;
    std::string pattern_text_;
    std::optional<model::Pattern> pattern_;
    HttpAnswer answer_;
    std::string heard_;
};

}  // namespace

std::unique_ptr<Exchange> make_http_exchange(const Question& question) {
    return std::make_unique<HttpExchange>(question);
}

}  // namespace shoal::health
