#include "health/up_down_machine.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace shoal::health {
namespace {

using model::Health;
using std::chrono::milliseconds;

enum class Answer { good, bad, none };

struct Event {
    TimePoint at;
    enum { started, answered, failed, silent, up, down } what;
};

struct Reply {
    Answer answer;
    /// How long the check lasts; Answer::none lasts its timeout.
    milliseconds after;
};

constexpr TimePoint start{};

TimePoint at(int ms) {
    return start + milliseconds(ms);
}

/// A server, its checks and a clock that jumps from one event to the next.
class Simulation {
  public:
    using Server = std::function<Reply(TimePoint)>;

    Simulation(Timing timing, milliseconds timeout, milliseconds phase, bool assumed_up = false)
        : machine_(timing, start, start + phase, assumed_up), timeout_(timeout) {}

    void run_until(TimePoint end, const Server& server) {
        while (machine_.wake_at() && *machine_.wake_at() <= end)
            step(server);
    }
    const std::vector<Event>& events() const { return events_; }
    UpDownMachine& machine() { return machine_; }

    /// The first event of this kind at or after `from`, or TimePoint::max().
    TimePoint first(decltype(Event::what) what, TimePoint from) const {
        for (const auto& event : events_) {
            if (event.what == what && event.at >= from) return event.at;
        }
        return TimePoint::max();
    }

  private:
    void step(const Server& server) {
        const auto now = *machine_.wake_at();
        // Woken too early, for instance because a setting changed: nothing may come of it.
        observe(now - milliseconds(1), [&] { machine_.time_passed(now - milliseconds(1)); });
        observe(now, [&] { machine_.time_passed(now); });
        if (now < machine_.check_due()) return;
        machine_.check_started(now);
        events_.push_back({now, Event::started});
        finish(now, server(now));
    }

    void finish(TimePoint now, Reply reply) {
        const bool in_time = reply.answer != Answer::none && reply.after < timeout_;
        const auto end = now + (in_time ? reply.after : timeout_);
        if (!in_time) {
            events_.push_back({end, Event::silent});
            observe(end, [&] { machine_.check_silent(end, "silent"); });
        } else if (reply.answer == Answer::good) {
            events_.push_back({end, Event::answered});
            observe(end, [&] { machine_.check_answered(end); });
        } else {
            events_.push_back({end, Event::failed});
            observe(end, [&] { machine_.check_failed(end, "failed"); });
        }
    }

    void observe(TimePoint now, const std::function<void()>& input) {
        const auto before = machine_.health();
        input();
        if (machine_.health() == before) return;
        events_.push_back({now, machine_.health() == Health::up ? Event::up : Event::down});
    }

    UpDownMachine machine_;
    milliseconds timeout_;
    std::vector<Event> events_;
};

/// Random timing with timeout <= interval <= service timeout, as a configuration has it.
struct Setting {
    Timing timing;
    milliseconds timeout;
    milliseconds phase;
};

Setting any_setting() {
    const auto service_timeout = *rc::gen::inRange(1, 20'000);
    const auto interval = *rc::gen::inRange(1, service_timeout + 1);
    return {{.service_timeout = milliseconds(service_timeout),
             .reentry_time = milliseconds(*rc::gen::inRange(0, 40'000)),
             .interval = milliseconds(interval)},
            milliseconds(*rc::gen::inRange(1, interval + 1)),
            milliseconds(*rc::gen::inRange(1, interval + 1))};
}

milliseconds any_delay(const Setting& setting) {
    return milliseconds(*rc::gen::inRange<long>(0, setting.timeout.count()));
}

TimePoint any_instant(const Setting& setting) {
    return start + milliseconds(*rc::gen::inRange<long>(1, setting.timing.interval.count() * 20));
}

/// Well until `died`, afterwards always `answer`.
Simulation::Server server_that_dies(const Setting& setting, TimePoint died, Answer answer) {
    const auto delay = any_delay(setting);
    return [=](TimePoint now) { return Reply{now < died ? Answer::good : answer, delay}; };
}

RC_GTEST_PROP(UpDownMachine, silence_takes_out_after_the_service_timeout_and_at_most_one_check,
              ()) {
    const auto setting = any_setting();
    const auto died = any_instant(setting);
    Simulation simulation(setting.timing, setting.timeout, setting.phase);
    simulation.run_until(died + 3 * setting.timing.service_timeout,
                         server_that_dies(setting, died, Answer::none));

    TimePoint last_answer;
    for (const auto& event : simulation.events()) {
        if (event.what == Event::answered) last_answer = event.at;
    }
    const auto down = simulation.first(Event::down, start);
    RC_ASSERT(down >= last_answer + setting.timing.service_timeout);
    RC_ASSERT(down <= last_answer + setting.timing.service_timeout + setting.timeout);
}

RC_GTEST_PROP(UpDownMachine, a_definite_failure_is_found_within_an_interval_and_its_repeat, ()) {
    const auto setting = any_setting();
    const auto died = any_instant(setting);
    const auto delay = any_delay(setting);
    Simulation simulation(setting.timing, setting.timeout, setting.phase);
    simulation.run_until(died + 3 * setting.timing.interval + repeat_pause, [&](TimePoint now) {
        return Reply{now < died ? Answer::good : Answer::bad, delay};
    });

    const auto down = simulation.first(Event::down, start);
    RC_ASSERT(down <= died + setting.timing.interval + repeat_pause + 2 * delay);
    const auto first_failure = simulation.first(Event::failed, start);
    RC_ASSERT(down == first_failure + repeat_pause + delay);
}

RC_GTEST_PROP(UpDownMachine, a_server_comes_back_after_its_reentry_time_and_at_most_one_check, ()) {
    const auto setting = any_setting();
    const auto recovered = any_instant(setting);
    const auto delay = any_delay(setting);
    Simulation simulation(setting.timing, setting.timeout, setting.phase);
    simulation.run_until(
        recovered + 3 * setting.timing.interval + setting.timing.reentry_time,
        [&](TimePoint now) { return Reply{now < recovered ? Answer::bad : Answer::good, delay}; });

    const auto answering_since = simulation.first(Event::answered, start);
    const auto up = simulation.first(Event::up, start);
    RC_ASSERT(answering_since <= recovered + setting.timing.interval + delay);
    RC_ASSERT(up >= answering_since + setting.timing.reentry_time);
    RC_ASSERT(up <= answering_since + setting.timing.reentry_time + delay);
}

/// Judges every change of the verdict by the checks before it, and by nothing else. What is assumed
/// up counts as having answered when its checks began.
void judge(const std::vector<Event>& events, const Timing& timing) {
    TimePoint last_answer = start;
    std::optional<TimePoint> answering_since;
    int failures_in_a_row = 0;
    int checks = 0;
    for (const auto& event : events) {
        switch (event.what) {
            case Event::started:
                break;
            case Event::answered:
                ++checks;
                last_answer = event.at;
                failures_in_a_row = 0;
                if (!answering_since) answering_since = event.at;
                break;
            case Event::failed:
            case Event::silent:
                ++checks;
                failures_in_a_row = event.what == Event::failed ? failures_in_a_row + 1 : 0;
                answering_since.reset();
                break;
            case Event::up:
                RC_ASSERT(answering_since.has_value());
                RC_ASSERT(checks == 1 || event.at >= *answering_since + timing.reentry_time);
                break;
            case Event::down:
                RC_ASSERT(checks == 1 || failures_in_a_row >= 2 ||
                          event.at >= last_answer + timing.service_timeout);
                answering_since.reset();
                break;
        }
    }
}

RC_GTEST_PROP(UpDownMachine, no_verdict_changes_without_its_reason, ()) {
    const auto setting = any_setting();
    Simulation simulation(setting.timing, setting.timeout, setting.phase,
                          *rc::gen::arbitrary<bool>());
    const auto replies = *rc::gen::container<std::vector<int>>(100, rc::gen::inRange(0, 8));
    std::size_t check = 0;
    simulation.run_until(start + 60 * setting.timing.interval, [&](TimePoint) {
        const int reply = replies[check++ % replies.size()];
        const auto answer = reply < 5 ? Answer::good : reply < 6 ? Answer::bad : Answer::none;
        return Reply{answer, setting.timeout / 2};
    });
    judge(simulation.events(), setting.timing);
}

RC_GTEST_PROP(UpDownMachine, no_server_is_unwatched_for_longer_than_an_interval, ()) {
    const auto setting = any_setting();
    Simulation simulation(setting.timing, setting.timeout, setting.phase);
    simulation.run_until(start + 60 * setting.timing.interval, [&](TimePoint) {
        return Reply{*rc::gen::element(Answer::good, Answer::bad, Answer::none),
                     any_delay(setting)};
    });
    std::optional<TimePoint> previous;
    for (const auto& event : simulation.events()) {
        if (event.what != Event::started) continue;
        const auto longest =
            std::max<Clock::duration>(setting.timing.interval, repeat_pause + setting.timeout);
        if (previous) RC_ASSERT(event.at - *previous <= longest);
        previous = event.at;
    }
}

const Timing usual{.service_timeout = milliseconds(6000),
                   .reentry_time = milliseconds(15000),
                   .interval = milliseconds(2000)};

UpDownMachine machine_after_first_answer(bool assumed_up = false) {
    UpDownMachine machine(usual, start, at(2000), assumed_up);
    machine.check_started(start);
    machine.check_answered(at(1));
    return machine;
}

/// Checks on time that nobody answers; when that has taken it out.
TimePoint silent_until_down(UpDownMachine& machine) {
    auto now = machine.wake_at().value_or(TimePoint::max());
    while (now < at(1'000'000)) {
        machine.time_passed(now);
        if (machine.health() == Health::down) return now;
        if (now >= machine.check_due()) {
            machine.check_started(now);
            now += milliseconds(1000);
            machine.check_silent(now, "no answer within 1 s");
            if (machine.health() == Health::down) return now;
        }
        now = std::max(now, machine.wake_at().value_or(TimePoint::max()));
    }
    return TimePoint::max();
}

TEST(UpDownMachine, the_first_check_decides_at_once) {
    UpDownMachine machine(usual, start, at(700), false);
    EXPECT_EQ(machine.health(), Health::unknown);
    EXPECT_EQ(machine.check_due(), start);
    machine.check_started(start);
    EXPECT_EQ(machine.wake_at(), std::nullopt);
    machine.check_answered(at(1));
    EXPECT_EQ(machine.health(), Health::up);
    EXPECT_EQ(machine.check_due(), at(700));
}

TEST(UpDownMachine, a_server_assumed_up_survives_one_lost_check) {
    for (const bool definite : {true, false}) {
        UpDownMachine machine(usual, start, at(700), true);
        EXPECT_EQ(machine.health(), Health::up);
        EXPECT_EQ(machine.check_due(), start);
        machine.check_started(start);
        definite ? machine.check_failed(at(1), "connection refused")
                 : machine.check_silent(at(1000), "no answer within 1 s");
        EXPECT_EQ(machine.health(), Health::up);
        EXPECT_NE(machine.reason(), "");
    }
}

TEST(UpDownMachine, a_server_assumed_up_that_is_dead_goes_out_as_any_other) {
    UpDownMachine refusing(usual, start, at(700), true);
    refusing.check_started(start);
    refusing.check_failed(at(1), "connection refused");
    EXPECT_EQ(refusing.check_due(), at(201));
    refusing.check_started(at(201));
    refusing.check_failed(at(202), "connection refused");
    EXPECT_EQ(refusing.health(), Health::down);

    UpDownMachine silent(usual, start, at(700), true);
    silent.check_started(start);
    silent.check_silent(at(1000), "no answer within 1 s");
    silent.time_passed(at(6000));
    EXPECT_EQ(silent.health(), Health::up) << "a check is overdue and may still be answered";
    EXPECT_EQ(silent_until_down(silent), at(6000));
}

TEST(UpDownMachine, a_definite_failure_that_does_not_repeat_changes_nothing) {
    auto machine = machine_after_first_answer();
    machine.check_started(at(2000));
    machine.check_failed(at(2001), "connection refused");
    EXPECT_EQ(machine.health(), Health::up);
    EXPECT_EQ(machine.reason(), "connection refused");
    EXPECT_EQ(machine.check_due(), at(2201));
    machine.check_started(at(2201));
    machine.check_answered(at(2202));
    EXPECT_EQ(machine.reason(), "");
    EXPECT_EQ(machine.check_due(), at(4000)) << "the regular checks keep their phase";
}

TEST(UpDownMachine, silence_between_two_definite_failures_parts_them) {
    auto machine = machine_after_first_answer();
    machine.check_started(at(2000));
    machine.check_failed(at(2001), "connection refused");
    machine.check_started(at(2201));
    machine.check_silent(at(3201), "no answer within 1 s");
    machine.check_started(at(4000));
    machine.check_failed(at(4001), "connection refused");
    EXPECT_EQ(machine.health(), Health::up);
    machine.check_started(at(4201));
    machine.check_failed(at(4202), "connection refused");
    EXPECT_EQ(machine.health(), Health::down);
}

TEST(UpDownMachine, a_check_that_runs_when_the_service_timeout_passes_is_waited_for) {
    auto machine = machine_after_first_answer();
    for (const int started : {2000, 4000}) {
        machine.check_started(at(started));
        machine.check_silent(at(started + 1000), "no answer within 1 s");
    }
    EXPECT_EQ(machine.wake_at(), at(6000)) << "the check is due before the service timeout, 6001";
    machine.check_started(at(6000));
    machine.time_passed(at(6500));
    EXPECT_EQ(machine.health(), Health::up);
    machine.check_answered(at(6900));
    EXPECT_EQ(machine.health(), Health::up);
}

TEST(UpDownMachine, a_stalled_director_checks_again_before_it_takes_anybody_out) {
    auto machine = machine_after_first_answer();
    machine.check_started(at(2000));
    machine.check_silent(at(3000), "no answer within 1 s");
    machine.time_passed(at(60000));
    EXPECT_EQ(machine.health(), Health::up);
    EXPECT_LE(machine.check_due(), at(60000));
    machine.check_started(at(60000));
    machine.check_answered(at(60001));
    EXPECT_EQ(machine.health(), Health::up);
    EXPECT_EQ(machine.check_due(), at(62000)) << "missed checks are not made up for";
}

TEST(UpDownMachine, a_failed_check_starts_the_reentry_time_anew) {
    UpDownMachine machine(usual, start, at(2000), false);
    machine.check_started(start);
    machine.check_failed(at(1), "connection refused");
    for (const int started : {2000, 4000, 6000, 8000, 10000, 12000, 14000, 16000}) {
        machine.check_started(at(started));
        machine.check_answered(at(started + 1));
    }
    EXPECT_EQ(machine.health(), Health::down);
    EXPECT_NE(machine.reason(), "");
    EXPECT_EQ(machine.check_due(), at(17001)) << "a fresh answer closes the re-entry time";
    machine.check_started(at(17001));
    machine.check_silent(at(18001), "no answer within 1 s");
    EXPECT_EQ(machine.health(), Health::down);
    EXPECT_EQ(machine.check_due(), at(18000));
    machine.check_started(at(18001));
    machine.check_answered(at(18002));
    EXPECT_EQ(machine.check_due(), at(20000));
}

TEST(UpDownMachine, without_a_reentry_time_the_first_answer_brings_back) {
    auto timing = usual;
    timing.reentry_time = milliseconds(0);
    UpDownMachine machine(timing, start, at(2000), false);
    machine.check_started(start);
    machine.check_failed(at(1), "connection refused");
    machine.check_started(at(2000));
    machine.check_answered(at(2001));
    EXPECT_EQ(machine.health(), Health::up);
}

TEST(UpDownMachine, a_director_that_cannot_check_takes_nobody_out) {
    auto machine = machine_after_first_answer();
    machine.check_started(at(2000));
    machine.check_silent(at(3000), "no answer within 1 s");
    for (auto now = machine.check_due(); now < at(60000); now = machine.check_due()) {
        machine.time_passed(now);
        machine.check_started(now);
        machine.check_abandoned(now, "the director cannot check it: too many open files");
        ASSERT_GE(machine.check_due() - now, repeat_pause);
    }
    EXPECT_EQ(machine.health(), Health::up);
    const auto down = silent_until_down(machine);
    EXPECT_GE(down, at(63000)) << "6 s of silence that was seen: 3 s before, and from 60 s";
    EXPECT_LE(down, at(65000)) << "no later than the next check";
}

TEST(UpDownMachine, a_director_that_often_cannot_check_still_sees_silence) {
    auto machine = machine_after_first_answer();
    for (auto now = machine.check_due(); machine.health() == Health::up;
         now = machine.check_due()) {
        ASSERT_LT(now, at(30000));
        machine.check_started(now);
        machine.check_silent(now + milliseconds(1000), "no answer within 1 s");
        if (machine.health() != Health::up) break;
        now = std::max(machine.check_due(), now + milliseconds(1000));
        machine.check_started(now);
        machine.check_abandoned(now, "the director cannot check it: too many open files");
    }
    EXPECT_EQ(machine.health(), Health::down);
}

TEST(UpDownMachine, one_check_after_a_stall_takes_nobody_out) {
    for (const bool was_silent : {false, true}) {
        auto machine = machine_after_first_answer();
        if (was_silent) {
            machine.check_started(at(2000));
            machine.check_silent(at(3000), "no answer within 1 s");
        }
        machine.time_passed(at(60000));
        machine.check_started(at(60000));
        machine.check_silent(at(61000), "no answer within 1 s");
        EXPECT_EQ(machine.health(), Health::up);
        EXPECT_EQ(silent_until_down(machine), was_silent ? at(63000) : at(65000))
            << "what was due at " << (was_silent ? 4 : 2) << " s began at 60 s";
    }
}

TEST(UpDownMachine, new_timing_keeps_the_verdict_and_the_spread) {
    auto machine = machine_after_first_answer();
    auto slow = usual;
    slow.interval = milliseconds(60000);
    machine.set_timing(slow, at(100));
    EXPECT_EQ(machine.check_due(), at(2000));
    machine.check_started(at(2000));
    machine.check_answered(at(2001));
    EXPECT_EQ(machine.check_due(), at(62000));
    auto fast = usual;
    fast.interval = milliseconds(700);
    machine.set_timing(fast, at(2100));
    EXPECT_EQ(machine.check_due(), at(2500)) << "62000 less 85 intervals of 700";
    EXPECT_EQ(machine.health(), Health::up);
}

/// A server that fails, and answers until it is back, again and again.
class Flapping {
  public:
    explicit Flapping(Timing timing) : machine_(timing, start, start, true) {}

    /// How long it must answer this time, if it was up for `rest` before.
    milliseconds flap(milliseconds rest) {
        now_ += rest;
        while (machine_.health() == Health::up) {
            begin_check();
            machine_.check_failed(now_, "connection refused");
        }
        std::optional<TimePoint> first_answer;
        while (machine_.health() != Health::up) {
            begin_check();
            if (!first_answer) first_answer = now_;
            words_ = machine_.reason();
            machine_.check_answered(now_);
        }
        return std::chrono::duration_cast<milliseconds>(now_ - *first_answer);
    }
    /// What was said of it just before it was back.
    const std::string& words() const { return words_; }

  private:
    void begin_check() {
        now_ = std::max(now_, machine_.check_due());
        machine_.check_started(now_);
    }

    UpDownMachine machine_;
    TimePoint now_ = start;
    std::string words_;
};

Timing damped(int reentry_ms, int damping_ms) {
    return {.service_timeout = milliseconds(6000),
            .reentry_time = milliseconds(reentry_ms),
            .interval = milliseconds(2000),
            .flap_damping = milliseconds(damping_ms)};
}

TEST(UpDownMachine, each_further_failure_doubles_the_reentry_time_up_to_its_limit) {
    Flapping server(damped(10'000, 60'000));
    for (const int seconds : {10, 20, 40, 60, 60}) {
        EXPECT_EQ(server.flap(milliseconds(1000)), milliseconds(seconds * 1000));
    }
    EXPECT_EQ(server.words(), "answers again, comes back after 1m: it failed 5 times");
}

TEST(UpDownMachine, failures_are_forgiven_after_so_long_up) {
    Flapping server(damped(10'000, 60'000));
    server.flap(milliseconds(1000));
    EXPECT_EQ(server.flap(milliseconds(1000)), milliseconds(20'000));
    EXPECT_EQ(server.words(), "answers again, comes back after 20s: it failed 2 times");
    EXPECT_EQ(server.flap(milliseconds(60'000)), milliseconds(10'000));
    EXPECT_EQ(server.words(), "answers again, waits for its re-entry time");
    EXPECT_EQ(server.flap(milliseconds(1000)), milliseconds(20'000));
}

TEST(UpDownMachine, without_flap_damping_nothing_is_doubled) {
    Flapping server(damped(10'000, 0));
    for (int flap = 0; flap < 100; ++flap)
        ASSERT_EQ(server.flap(milliseconds(0)), milliseconds(10'000));
}

RC_GTEST_PROP(UpDownMachine, damping_stays_between_the_reentry_time_and_its_limit, ()) {
    const auto reentry = *rc::gen::inRange(0, 40'000);
    // Much longer than it takes to find that it failed.
    const auto damping = *rc::gen::inRange(5'000, 200'000);
    Flapping server(damped(reentry, damping));
    const auto shortest = milliseconds(reentry);
    const auto longest = std::max(shortest, milliseconds(damping));
    auto expected = shortest;
    for (int flap = 0; flap < 8; ++flap) {
        const bool rests = *rc::gen::arbitrary<bool>();
        if (rests) expected = shortest;
        RC_ASSERT(server.flap(rests ? milliseconds(damping) : milliseconds(0)) == expected);
        expected = std::min(expected * 2, longest);
    }
}

}  // namespace
}  // namespace shoal::health
