#include "health/watch.h"

#include <algorithm>
#include <utility>

namespace shoal::health {

using model::Health;

bool WatchOrder::operator==(const WatchOrder& other) const {
    return timing == other.timing && timeout == other.timeout && question == other.question;
}

Watch::Watch(CheckTools& tools, WatchOrder order, UpDownMachine machine, OnNews on_news)
    : tools_(tools),
      order_(std::move(order)),
      question_(std::make_shared<Question>(order_.question)),
      machine_(std::move(machine)),
      on_news_(std::move(on_news)),
      timer_(tools.loop) {}

void Watch::proceed() {
    if (check_) return;
    const auto now = Clock::now();
    machine_.time_passed(now);
    if (now >= next_check()) {
        start_check();
    } else if (const auto when = machine_.wake_at()) {
        wait_until(std::min(*when, next_check()));
    }
    const auto wait = std::max(next_check() - now, Clock::duration::zero());
    next_check_ms_ = wall_clock_ms() + std::chrono::duration_cast<Milliseconds>(wait).count();
    on_news_(*this);
}

TimePoint Watch::next_check() const {
    const auto due = machine_.check_due();
    return soon_at_ ? std::min(*soon_at_, due) : due;
}

void Watch::wait_until(TimePoint when) {
    timer_.expires_at(when);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        if (error) return;
        if (const auto alive = weak.lock()) alive->proceed();
    });
}

void Watch::start_check() {
    const auto now = Clock::now();
    tools_.lateness.add(now - next_check());
    soon_at_.reset();
    machine_.check_started(now);
    check_ = std::make_unique<Check>(tools_, question_, order_.timeout,
                                     [weak = weak_from_this()](const CheckResult& result) {
                                         if (const auto alive = weak.lock())
                                             alive->check_done(result);
                                     });
}

void Watch::check_done(const CheckResult& result) {
    check_.reset();
    const auto now = Clock::now();
    ++checks_;
    last_check_ms_ = wall_clock_ms();
    last_ = result;
    switch (result.outcome) {
        case Outcome::answered:
            machine_.check_answered(now);
            break;
        case Outcome::failed:
            machine_.check_failed(now, result.reason);
            break;
        case Outcome::silent:
            machine_.check_silent(now, result.reason);
            break;
        case Outcome::not_asked:
            machine_.check_abandoned(now, result.reason);
            break;
    }
    if (result.outcome != Outcome::answered) soon_at_.reset();
    proceed();
}

void Watch::ask_otherwise(WatchOrder order) {
    const bool same_question = order.question == order_.question;
    order_ = std::move(order);
    const auto now = Clock::now();
    if (!same_question) {
        question_ = std::make_shared<Question>(order_.question);
        if (std::exchange(check_, nullptr)) machine_.check_abandoned(now, machine_.reason());
    }
    machine_.set_timing(order_.timing, now);
    proceed();
}

void Watch::assume_up(UpDownMachine up) {
    if (machine_.health() != Health::unknown) return;
    machine_ = std::move(up);
    if (check_) machine_.check_started(Clock::now());
    proceed();
}

void Watch::check_soon() {
    const bool failed = last_.outcome == Outcome::failed || last_.outcome == Outcome::not_asked;
    if (machine_.health() != Health::up || failed || soon_at_) return;
    const auto now = Clock::now();
    if (!tools_.soon.take(now)) return;
    const bool answers = last_.outcome == Outcome::answered;
    const bool again = now - last_soon_ <= 2 * order_.timing.interval;
    soon_pause_ = answers && again ? std::min(2 * soon_pause_, order_.timing.interval) : soon_pause;
    soon_at_ = std::max(now, last_soon_ + std::max(soon_pause_, soon_pause));
    last_soon_ = *soon_at_;
    proceed();
}

UpDownMachine Watch::machine() const {
    auto machine = machine_;
    if (check_) machine.check_abandoned(Clock::now(), machine_.reason());
    return machine;
}

}  // namespace shoal::health
