#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "health/exchange.h"

// For the tests of exchanges: a server played by hand.

namespace shoal::health {

inline void PrintTo(const CheckResult& result, std::ostream* stream) {
    *stream << "outcome " << static_cast<int>(result.outcome) << ", \"" << result.reason << '"';
}

inline Question question(model::MonitorType type, model::Protocol protocol = model::Protocol::tcp) {
    Question question;
    question.address = net::Address::parse("192.0.2.1").value();
    question.port = 8080;
    question.protocol = protocol;
    question.monitor.type = type;
    return question;
}

/// An exchange and what it has said so far.
class Talk {
  public:
    explicit Talk(const Question& question) : exchange_(make_exchange(question)) {
        take(exchange_->begin());
    }

    /// What the server says next; after the result it says nothing more.
    Talk& hears(std::string_view bytes) {
        if (!result_) take(exchange_->received(bytes));
        return *this;
    }
    Talk& hears_bytewise(std::string_view bytes) {
        for (std::size_t i = 0; i < bytes.size(); ++i)
            hears(bytes.substr(i, 1));
        return *this;
    }
    Talk& hears_the_end() {
        if (!result_) take(exchange_->ended());
        return *this;
    }

    bool waits() const { return !result_.has_value(); }
    CheckResult result() const {
        EXPECT_TRUE(result_) << "it still waits, having heard " << exchange_->heard();
        return result_.value_or(CheckResult{});
    }
    /// What was sent since this was asked last.
    std::string said() { return std::exchange(said_, {}); }
    const Exchange& exchange() const { return *exchange_; }

  private:
    void take(Exchange::Step step) {
        said_ += step.send;
        result_ = std::move(step.result);
    }

    std::unique_ptr<Exchange> exchange_;
    std::string said_;
    std::optional<CheckResult> result_;
};

MATCHER(is_answered, "") {
    return arg.outcome == Outcome::answered && arg.reason.empty();
}
MATCHER_P(is_failed, reason, "") {
    return arg.outcome == Outcome::failed && arg.reason == reason;
}

}  // namespace shoal::health
