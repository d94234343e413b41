#include "health/up_down_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/text.h"

namespace shoal::health {

using model::Health;

namespace {

Timing usable(Timing timing) {
    timing.interval = std::max(timing.interval, Milliseconds(1));
    return timing;
}

/// The first time of the grid through `slot` that is later than `now`.
TimePoint next_on_grid(TimePoint slot, TimePoint now, Milliseconds interval) {
    const auto beyond = (slot - now) % interval;
    return now + (beyond > Clock::duration::zero() ? beyond : beyond + interval);
}

}  // namespace

UpDownMachine::UpDownMachine(Timing timing, TimePoint first_check, TimePoint second_check,
                             bool assumed_up)
    : timing_(usable(timing)),
      health_(assumed_up ? Health::up : Health::unknown),
      decided_(assumed_up),
      first_check_(first_check),
      next_slot_(second_check),
      not_before_(first_check),
      last_answer_(first_check),
      watched_until_(first_check),
      up_since_(first_check) {}

void UpDownMachine::set_timing(Timing timing, TimePoint now) {
    timing_ = usable(timing);
    // Not simply an interval from now: the checks of all servers would fall together.
    next_slot_ = next_on_grid(next_slot_, now, timing_.interval);
}

void UpDownMachine::check_started(TimePoint now) {
    // A director that stood still beyond the time of its check heard nothing.
    if (!std::exchange(blind_, false))
        watched_until_ = std::max(watched_until_, std::min(check_due(), now));
    not_watched_until(now);
    running_ = true;
    if (next_slot_ <= now) next_slot_ = next_on_grid(next_slot_, now, timing_.interval);
}

void UpDownMachine::check_answered(TimePoint now) {
    running_ = false;
    checked_ = true;
    last_check_ = LastCheck::well;
    last_answer_ = now;
    watched_until_ = now;
    reason_.clear();
    if (!decided_) return become_up(now);
    if (health_ == Health::up) return;
    if (!answering_since_) answering_since_ = now;
    if (now >= *answering_since_ + reentry_time()) return become_up(now);
    reason_ = waiting_words();
}

void UpDownMachine::check_failed(TimePoint now, std::string reason) {
    running_ = false;
    checked_ = true;
    watched_until_ = now;
    reason_ = std::move(reason);
    if (!is_up()) return failure_while_not_up(now);
    if (last_check_ == LastCheck::failed) return become_down(now);
    last_check_ = LastCheck::failed;
    not_before_ = now + repeat_pause;
}

void UpDownMachine::check_silent(TimePoint now, std::string reason) {
    running_ = false;
    checked_ = true;
    watched_until_ = now;
    reason_ = std::move(reason);
    if (!is_up()) return failure_while_not_up(now);
    if (now >= silence_ends()) return become_down(now);
    last_check_ = LastCheck::silent;
}

void UpDownMachine::check_abandoned(TimePoint now, std::string reason) {
    running_ = false;
    reason_ = std::move(reason);
    not_before_ = now + repeat_pause;
    not_watched_until(now);
    blind_ = true;
    // Silence must be seen to the end: a director that cannot check takes nobody out.
    if (last_check_ == LastCheck::silent) last_check_ = LastCheck::well;
}

void UpDownMachine::not_watched_until(TimePoint now) {
    if (now <= watched_until_) return;
    last_answer_ += now - watched_until_;
    watched_until_ = now;
}

void UpDownMachine::time_passed(TimePoint now) {
    if (running_ || !is_up() || last_check_ != LastCheck::silent) return;
    // A check that was due before, and is only late, may still find the server well.
    if (now >= silence_ends() && check_due() > silence_ends()) become_down(now);
}

TimePoint UpDownMachine::check_due() const {
    if (!checked_) return std::max(first_check_, not_before_);
    // The repeat of a definite failure does not wait for the next regular check.
    if (is_up() && last_check_ == LastCheck::failed) return not_before_;
    // What brings a server back is a fresh answer at the end of its re-entry time.
    if (answering_since_) {
        return std::max(std::min(next_slot_, *answering_since_ + reentry_time()), not_before_);
    }
    return std::max(next_slot_, not_before_);
}

std::optional<TimePoint> UpDownMachine::wake_at() const {
    if (running_) return std::nullopt;
    const bool silent = is_up() && last_check_ == LastCheck::silent;
    return silent ? std::min(check_due(), silence_ends()) : check_due();
}

void UpDownMachine::become(Health health) {
    decided_ = true;
    health_ = health;
    last_check_ = LastCheck::well;
    answering_since_.reset();
}

void UpDownMachine::become_up(TimePoint now) {
    up_since_ = now;
    become(Health::up);
}

void UpDownMachine::become_down(TimePoint now) {
    if (is_up() && now >= up_since_ + timing_.flap_damping) failures_ = 0;
    ++failures_;
    become(Health::down);
}

void UpDownMachine::failure_while_not_up(TimePoint now) {
    if (!decided_) return become_down(now);
    answering_since_.reset();
}

Milliseconds UpDownMachine::reentry_time() const {
    auto time = timing_.reentry_time;
    const auto longest = std::max(time, timing_.flap_damping);
    for (auto failure = 1U; failure < failures_ && time < longest && time.count() > 0; ++failure)
        time *= 2;
    return std::min(time, longest);
}

std::string UpDownMachine::waiting_words() const {
    if (reentry_time() == timing_.reentry_time) return "answers again, waits for its re-entry time";
    return fmt::format("answers again, comes back after {}: it failed {} times",
                       model::format_duration(reentry_time()), failures_);
}

}  // namespace shoal::health
