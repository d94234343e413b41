#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "health/check.h"
#include "health/check_tools.h"
#include "health/exchange.h"
#include "health/up_down_machine.h"

namespace shoal::health {

/// What is asked, how often, and what follows from the answers.
struct WatchOrder {
    Question question;
    Timing timing;
    /// Of one check; above 0.
    Milliseconds timeout{};
    bool operator==(const WatchOrder& other) const;
};

/// Checks one server by one question again and again. Its handlers hold it weakly.
class Watch : public std::enable_shared_from_this<Watch> {
  public:
    /// Called when a check has ended or silence has lasted too long.
    using OnNews = std::function<void(const Watch&)>;

    Watch(CheckTools& tools, WatchOrder order, UpDownMachine machine, OnNews on_news);

    /// Runs the machine on: does what is due, or waits for it. Calls `on_news`.
    void proceed();
    /// Another question to the same server, or other times; what is known stays.
    void ask_otherwise(WatchOrder order);
    /// Begins anew as up, if nothing is known yet.
    void assume_up(UpDownMachine up);
    /// A server that is up is checked now, or at least `soon_pause` after the last time this was
    /// asked. Does nothing while a definite failure waits for its repetition, or where too many
    /// are to be checked soon.
    void check_soon();

    const WatchOrder& order() const { return order_; }
    const std::shared_ptr<const Question>& question() const { return question_; }
    /// As it is now, without a check.
    UpDownMachine machine() const;
    model::Health health() const { return machine_.health(); }
    const std::string& reason() const { return machine_.reason(); }

    /// The last check that ended.
    const CheckResult& last() const { return last_; }
    std::uint64_t checks() const { return checks_; }
    /// Wall clock; 0 before the first check's end.
    std::int64_t last_check_ms() const { return last_check_ms_; }
    /// When the next one begins; wall clock.
    std::int64_t next_check_ms() const { return next_check_ms_; }

    static constexpr Milliseconds soon_pause{100};

  private:
    void wait_until(TimePoint when);
    void start_check();
    void check_done(const CheckResult& result);
    TimePoint next_check() const;

    CheckTools& tools_;
    WatchOrder order_;
    std::shared_ptr<const Question> question_;
    UpDownMachine machine_;
    OnNews on_news_;
    boost::asio::steady_timer timer_;
    /// The running one.
    std::unique_ptr<Check> check_;
    std::optional<TimePoint> soon_at_;
    TimePoint last_soon_{};
    /// Longer each time that the server answers well: what asked for the check is then no sign of
    /// its health, and strangers can repeat it.
    Milliseconds soon_pause_{soon_pause};
    CheckResult last_;
    std::uint64_t checks_ = 0;
    std::int64_t last_check_ms_ = 0;
    std::int64_t next_check_ms_ = 0;
};

}  // namespace shoal::health
