#include "health/health_monitor.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "health/check.h"
#include "health/check_spread.h"
#include "health/up_down_machine.h"

namespace shoal::health {

namespace asio = boost::asio;
using model::Health;

namespace {

/// Between the first checks of two targets that begin together: 4000 checks a second.
constexpr std::chrono::microseconds first_check_pace{250};

std::shared_ptr<const Probe> probe_of(const Target& target) {
    return std::make_shared<Probe>(Probe{.address = target.address,
                                         .port = target.port,
                                         .protocol = target.protocol,
                                         .send = target.monitor.send,
                                         .expect = target.monitor.expect,
                                         .timeout = target.timeout});
}

Timing timing_of(const Target& target) {
    return {.service_timeout = target.service_timeout,
            .reentry_time = target.reentry_time,
            .interval = target.interval};
}

/// Whether both ask the same server, however they ask it.
bool is_same_server(const Target& a, const Target& b) {
    return a.address == b.address && a.port == b.port && a.protocol == b.protocol;
}

bool asks_the_same(const model::Monitor& a, const model::Monitor& b) {
    return a.enabled == b.enabled && a.send == b.send && a.expect == b.expect;
}

/// A server and what it is asked, whatever the target is called.
using Question = std::tuple<net::Address, std::uint16_t, model::Protocol, std::string, std::string>;

Question question_of(const Target& target) {
    return {target.address, target.port, target.protocol, target.monitor.send,
            target.monitor.expect};
}

/// A target and the state of its checks. Handlers hold it weakly: a removed target is gone.
struct Entry {
    Entry(asio::io_context& loop, Target of, UpDownMachine begins_as, Verdict& in_view)
        : target(std::move(of)),
          probe(probe_of(target)),
          machine(std::move(begins_as)),
          verdict(in_view),
          timer(loop) {}

    Target target;
    std::shared_ptr<const Probe> probe;
    UpDownMachine machine;
    /// Its place in the view, which lives as long as the entry stands in the list.
    Verdict& verdict;
    asio::steady_timer timer;
    /// The running check.
    std::unique_ptr<Check> check;
};

}  // namespace

class HealthMonitor::Impl {
  public:
    Impl(asio::io_context& loop, OnChange on_change)
        : loop_(loop), on_change_(std::move(on_change)) {}

    void set_targets(const std::vector<Target>& targets, const std::vector<TargetId>& assumed_up);
    const HealthView& view() const { return view_; }

  private:
    using EntryPtr = std::shared_ptr<Entry>;

    void remove_all_but(const std::vector<Target>& targets);
    /// What servers that are up were asked.
    std::set<Question> answered() const;
    void add(const Target& target, bool assumed_up, TimePoint first_check);
    void update(const EntryPtr& entry, const Target& target);
    UpDownMachine new_machine(const Target& target, TimePoint first_check, bool assumed_up);

    /// Runs the machine on: does what is due, or waits for it.
    void proceed(const EntryPtr& entry);
    void wait_until(const EntryPtr& entry, TimePoint when);
    void start_check(const EntryPtr& entry);
    void check_done(const EntryPtr& entry, const CheckResult& result);
    void publish(const EntryPtr& entry);
    /// Reports a change later from the loop: the receiver may well call set_targets, and the
    /// caller of set_targets is in the middle of a change of its own.
    void record(const EntryPtr& entry, Health health, const std::string& reason);

    asio::io_context& loop_;
    OnChange on_change_;
    std::map<TargetId, EntryPtr> entries_;
    HealthView view_;
    std::uint64_t targets_added_ = 0;
};

void HealthMonitor::Impl::set_targets(const std::vector<Target>& targets,
                                      const std::vector<TargetId>& assumed_up) {
    const auto known_well = answered();
    remove_all_but(targets);
    const std::set<TargetId> up(assumed_up.begin(), assumed_up.end());
    auto first_check = Clock::now();
    for (const auto& target : targets) {
        const auto known = entries_.find(target.id);
        if (known != entries_.end()) {
            update(known->second, target);
        } else {
            add(target, up.contains(target.id) || known_well.contains(question_of(target)),
                first_check);
            first_check += first_check_pace;
        }
    }
}

std::set<Question> HealthMonitor::Impl::answered() const {
    std::set<Question> questions;
    for (const auto& [id, entry] : entries_) {
        if (entry->target.monitor.enabled && entry->verdict.health == Health::up)
            questions.insert(question_of(entry->target));
    }
    return questions;
}

void HealthMonitor::Impl::remove_all_but(const std::vector<Target>& targets) {
    std::map<TargetId, const Target*> kept;
    for (const auto& target : targets)
        kept.emplace(target.id, &target);
    std::erase_if(entries_, [&](const auto& item) {
        const auto& [id, entry] = item;
        const auto same = kept.find(id);
        if (same != kept.end() && is_same_server(*same->second, entry->target)) return false;
        view_.erase(id);
        return true;
    });
}

void HealthMonitor::Impl::add(const Target& target, bool assumed_up, TimePoint first_check) {
    auto machine = new_machine(target, first_check, assumed_up);
    auto& verdict = view_[target.id];
    verdict = {.health = machine.health(), .reason = {}, .since_ms = wall_clock_ms()};
    const auto entry = std::make_shared<Entry>(loop_, target, std::move(machine), verdict);
    entries_.emplace(target.id, entry);
    if (!target.monitor.enabled) return record(entry, Health::up, {});
    proceed(entry);
}

UpDownMachine HealthMonitor::Impl::new_machine(const Target& target, TimePoint first_check,
                                               bool assumed_up) {
    return {timing_of(target), first_check,
            second_check(first_check, target.interval, targets_added_++), assumed_up};
}

void HealthMonitor::Impl::update(const EntryPtr& entry, const Target& target) {
    if (entry->target == target) return;
    const auto old = std::exchange(entry->target, target);
    entry->probe = probe_of(target);
    const auto now = Clock::now();
    if (!asks_the_same(old.monitor, target.monitor) && entry->check) {
        entry->check.reset();
        entry->machine.check_abandoned(now, entry->machine.reason());
    }
    if (!target.monitor.enabled) {
        entry->timer.cancel();
        return record(entry, Health::up, {});
    }
    if (!old.monitor.enabled) {
        entry->machine = new_machine(target, now, true);
    } else {
        entry->machine.set_timing(timing_of(target), now);
    }
    proceed(entry);
}

void HealthMonitor::Impl::proceed(const EntryPtr& entry) {
    if (entry->check || !entry->target.monitor.enabled) return;
    const auto now = Clock::now();
    entry->machine.time_passed(now);
    if (now >= entry->machine.check_due()) {
        start_check(entry);
    } else if (const auto when = entry->machine.wake_at()) {
        wait_until(entry, *when);
    }
    publish(entry);
}

void HealthMonitor::Impl::wait_until(const EntryPtr& entry, TimePoint when) {
    entry->timer.expires_at(when);
    entry->timer.async_wait(
        [this, weak = std::weak_ptr(entry)](const boost::system::error_code& error) {
            if (error) return;
            if (const auto alive = weak.lock()) proceed(alive);
        });
}

void HealthMonitor::Impl::start_check(const EntryPtr& entry) {
    entry->machine.check_started(Clock::now());
    entry->check = std::make_unique<Check>(
        loop_, entry->probe, [this, weak = std::weak_ptr(entry)](const CheckResult& result) {
            if (const auto alive = weak.lock()) check_done(alive, result);
        });
}

void HealthMonitor::Impl::check_done(const EntryPtr& entry, const CheckResult& result) {
    entry->check.reset();
    const auto now = Clock::now();
    switch (result.outcome) {
        case Outcome::answered:
            entry->machine.check_answered(now);
            break;
        case Outcome::failed:
            entry->machine.check_failed(now, result.reason);
            break;
        case Outcome::silent:
            entry->machine.check_silent(now, result.reason);
            break;
        case Outcome::not_asked:
            entry->machine.check_abandoned(now, result.reason);
            break;
    }
    proceed(entry);
}

void HealthMonitor::Impl::publish(const EntryPtr& entry) {
    record(entry, entry->machine.health(), entry->machine.reason());
}

void HealthMonitor::Impl::record(const EntryPtr& entry, Health health, const std::string& reason) {
    auto& verdict = entry->verdict;
    verdict.reason = reason;
    if (verdict.health == health) return;
    verdict.health = health;
    verdict.since_ms = wall_clock_ms();
    asio::post(loop_, [this, weak = std::weak_ptr(entry), verdict] {
        if (const auto alive = weak.lock()) on_change_(alive->target.id, verdict);
    });
}

HealthMonitor::HealthMonitor(asio::io_context& loop, OnChange on_change)
    : impl_(std::make_unique<Impl>(loop, std::move(on_change))) {}

HealthMonitor::~HealthMonitor() = default;

void HealthMonitor::set_targets(const std::vector<Target>& targets,
                                const std::vector<TargetId>& assumed_up) {
    impl_->set_targets(targets, assumed_up);
}

const HealthView& HealthMonitor::view() const {
    return impl_->view();
}

}  // namespace shoal::health
