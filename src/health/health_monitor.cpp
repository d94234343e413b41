#include "health/health_monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "health/check_spread.h"
#include "health/check_tools.h"
#include "health/watch.h"

namespace shoal::health {

namespace asio = boost::asio;
using model::Health;

namespace {

/// Between the first checks of two targets that begin together: 4000 checks a second.
constexpr std::chrono::microseconds first_check_pace{250};

/// Whoever sets the targets makes the way to a virtual address ready later in the same turn of the
/// loop.
constexpr std::chrono::milliseconds way_pause{1};

/// Of check_now at a time.
constexpr std::size_t most_single_checks = 64;

/// Without what makes no difference to the check, so that checks can be shared.
Question question_of(const Target& target) {
    Question question{.address = target.address,
                      .port = target.port,
                      .protocol = target.protocol,
                      .monitor = target.monitor,
                      .name = {},
                      .virtual_address = {},
                      .way = target.way};
    question.monitor.address.reset();
    question.monitor.port.reset();
    question.monitor.protocol.reset();
    question.monitor.interval.reset();
    question.monitor.timeout.reset();
    if (target.monitor.type == model::MonitorType::program) {
        question.name = target.id.real_server;
        question.virtual_address = target.virtual_address;
    }
    if (target.monitor.type == model::MonitorType::icmp) {
        question.port = 0;
        question.protocol = model::Protocol::tcp;
    }
    return question;
}

Timing timing_of(const Target& target) {
    return {.service_timeout = target.service_timeout,
            .reentry_time = target.reentry_time,
            .interval = target.interval,
            .flap_damping = target.flap_damping};
}

WatchOrder order_of(const Target& target) {
    return {question_of(target), timing_of(target), target.timeout};
}

/// Whether both ask the same server, however they ask it.
bool is_same_server(const Target& a, const Target& b) {
    return a.address == b.address && a.port == b.port && a.protocol == b.protocol;
}

using Server = std::tuple<net::Address, std::uint16_t, model::Protocol>;

Server server_of(const Question& question) {
    return {question.address, question.port, question.protocol};
}

/// A target, and the watch it shares with others that ask the same.
struct Member {
    Target target;
    /// Null where nothing is checked.
    std::shared_ptr<Watch> watch;
    /// Its place in the view, which lives as long as the member stands in the list.
    Verdict& verdict;
};
using MemberPtr = std::shared_ptr<Member>;

void assign(std::string& to, const std::string& value) {
    if (to != value) to = value;
}

void note_check(Verdict& verdict, const Watch& watch) {
    verdict.next_check_ms = watch.next_check_ms();
    if (watch.checks() == 0 || verdict.checks == watch.checks()) return;
    verdict.checks = watch.checks();
    verdict.last_check_ms = watch.last_check_ms();
    verdict.latency_us = watch.last().latency_us;
    assign(verdict.heard, watch.last().heard);
}

}  // namespace

class HealthMonitor::Impl {
  public:
    Impl(asio::io_context& loop, OnChange on_change, ProgramRunner* programs,
         dataplane::CheckWays* ways)
        : loop_(loop), tools_(loop, programs, ways), on_change_(std::move(on_change)) {}

    void set_targets(const std::vector<Target>& targets, const std::vector<TargetId>& assumed_up);
    const HealthView& view() const { return view_; }
    const Lateness& lateness() const { return tools_.lateness; }
    void check_soon(const TargetId& target);
    Result<std::shared_ptr<const Transcript>> check_now(const TargetId& target);

  private:
    struct Shared {
        std::shared_ptr<Watch> watch;
        std::vector<MemberPtr> members;
    };
    /// Those of one server lie together.
    using Watches = std::multimap<Server, Shared>;

    void remove_all_but(const std::vector<Target>& targets);
    /// Whether a server is up that is, or was until now, asked this.
    bool is_known_well(const Question& question) const;
    void add(const Target& target, bool assumed_up, TimePoint first_check);
    void update(const MemberPtr& member, const Target& target);
    void ask_otherwise(const MemberPtr& member);
    UpDownMachine new_machine(const Target& target, TimePoint first_check, bool assumed_up);

    Watches::iterator find(const WatchOrder& order);
    Watches::iterator place_of(const Watch& watch);
    /// Joins the watch that asks the same, or makes one that begins with `machine`.
    void join(const MemberPtr& member, const UpDownMachine& machine);
    void leave(const MemberPtr& member);

    void news(const Watch& watch);
    void publish(const MemberPtr& member);
    /// Reports a change later from the loop: the receiver may well call set_targets, and the
    /// caller of set_targets is in the middle of a change of its own.
    void record(const MemberPtr& member, Health health, const std::string& reason);

    asio::io_context& loop_;
    CheckTools tools_;
    OnChange on_change_;
    std::map<TargetId, MemberPtr> members_;
    Watches watches_;
    HealthView view_;
    std::uint64_t targets_added_ = 0;
    /// Those of check_now, by a number each.
    std::map<std::uint64_t, std::unique_ptr<Check>> single_checks_;
    std::uint64_t single_checks_begun_ = 0;
};

void HealthMonitor::Impl::set_targets(const std::vector<Target>& targets,
                                      const std::vector<TargetId>& assumed_up) {
    remove_all_but(targets);
    const std::set<TargetId> up(assumed_up.begin(), assumed_up.end());
    auto first_check = Clock::now();
    for (const auto& target : targets) {
        const auto known = members_.find(target.id);
        if (known != members_.end()) {
            update(known->second, target);
        } else {
            add(target, up.contains(target.id), first_check);
            first_check += first_check_pace;
        }
    }
    // Only now: a target may have come back under another name.
    std::erase_if(watches_, [](const auto& item) { return item.second.members.empty(); });
}

void HealthMonitor::Impl::remove_all_but(const std::vector<Target>& targets) {
    std::map<TargetId, const Target*> kept;
    for (const auto& target : targets)
        kept.emplace(target.id, &target);
    std::erase_if(members_, [&](const auto& item) {
        const auto& [id, member] = item;
        const auto same = kept.find(id);
        if (same != kept.end() && is_same_server(*same->second, member->target)) return false;
        leave(member);
        view_.erase(id);
        return true;
    });
}

bool HealthMonitor::Impl::is_known_well(const Question& question) const {
    const auto [begin, end] = watches_.equal_range(server_of(question));
    return std::any_of(begin, end, [&](const auto& item) {
        const auto& watch = *item.second.watch;
        return watch.health() == Health::up && *watch.question() == question;
    });
}

void HealthMonitor::Impl::add(const Target& target, bool assumed_up, TimePoint first_check) {
    auto& verdict = view_[target.id];
    verdict = {.since_ms = wall_clock_ms()};
    const auto member = std::make_shared<Member>(target, nullptr, verdict);
    members_.emplace(target.id, member);
    if (!is_checked(target.monitor)) return record(member, Health::up, {});
    const bool up = assumed_up || is_known_well(question_of(target));
    if (up) verdict.health = Health::up;
    if (target.way) first_check += way_pause;
    join(member, new_machine(target, first_check, up));
}

UpDownMachine HealthMonitor::Impl::new_machine(const Target& target, TimePoint first_check,
                                               bool assumed_up) {
    return {timing_of(target), first_check,
            second_check(first_check, target.interval, targets_added_++), assumed_up};
}

void HealthMonitor::Impl::update(const MemberPtr& member, const Target& target) {
    if (member->target == target) return;
    member->target = target;
    if (!is_checked(target.monitor)) {
        leave(member);
        return record(member, Health::up, {});
    }
    if (!member->watch) return join(member, new_machine(target, Clock::now(), true));
    ask_otherwise(member);
}

void HealthMonitor::Impl::ask_otherwise(const MemberPtr& member) {
    auto order = order_of(member->target);
    const auto watch = member->watch;
    if (watch->order() == order) return;
    const auto place = place_of(*watch);
    // An echo has no port: with it the watch moves to another place in the list.
    const bool stays = server_of(order.question) == server_of(watch->order().question);
    if (stays && place->second.members.size() == 1 && find(order) == watches_.end())
        return watch->ask_otherwise(std::move(order));
    auto machine = watch->machine();
    machine.set_timing(order.timing, Clock::now());
    leave(member);
    join(member, machine);
}

HealthMonitor::Impl::Watches::iterator HealthMonitor::Impl::find(const WatchOrder& order) {
    const auto [begin, end] = watches_.equal_range(server_of(order.question));
    const auto found = std::find_if(
        begin, end, [&](const auto& item) { return item.second.watch->order() == order; });
    return found == end ? watches_.end() : found;
}

HealthMonitor::Impl::Watches::iterator HealthMonitor::Impl::place_of(const Watch& watch) {
    const auto [begin, end] = watches_.equal_range(server_of(watch.order().question));
    return std::find_if(begin, end,
                        [&](const auto& item) { return item.second.watch.get() == &watch; });
}

void HealthMonitor::Impl::join(const MemberPtr& member, const UpDownMachine& machine) {
    auto order = order_of(member->target);
    auto place = find(order);
    if (place == watches_.end()) {
        const auto server = server_of(order.question);
        auto watch = std::make_shared<Watch>(tools_, std::move(order), machine,
                                             [this](const Watch& of) { news(of); });
        place = watches_.emplace(server, Shared{std::move(watch), {}});
    } else if (machine.health() == Health::up) {
        place->second.watch->assume_up(machine);
    }
    place->second.members.push_back(member);
    member->watch = place->second.watch;
    if (place->second.members.size() == 1) member->watch->proceed();
    publish(member);
}

void HealthMonitor::Impl::leave(const MemberPtr& member) {
    const auto watch = std::exchange(member->watch, nullptr);
    if (watch) std::erase(place_of(*watch)->second.members, member);
}

void HealthMonitor::Impl::check_soon(const TargetId& target) {
    const auto found = members_.find(target);
    if (found != members_.end() && found->second->watch) found->second->watch->check_soon();
}

Result<std::shared_ptr<const Transcript>> HealthMonitor::Impl::check_now(const TargetId& target) {
    const auto found = members_.find(target);
    if (found == members_.end())
        return fail(fmt::format("there is no active real server {} of an active virtual server {}",
                                target.real_server, target.virtual_server));
    const auto& watch = found->second->watch;
    if (!watch) return fail(fmt::format("{} is not checked", target.real_server));
    if (single_checks_.size() >= most_single_checks)
        return fail("too many such checks are under way");
    auto transcript = std::make_shared<Transcript>();
    const auto number = single_checks_begun_++;
    single_checks_.emplace(
        number,
        std::make_unique<Check>(
            tools_, watch->question(), watch->order().timeout,
            [this, number](const CheckResult&) { single_checks_.erase(number); }, transcript));
    return transcript;
}

void HealthMonitor::Impl::news(const Watch& watch) {
    for (const auto& member : place_of(watch)->second.members)
        publish(member);
}

void HealthMonitor::Impl::publish(const MemberPtr& member) {
    note_check(member->verdict, *member->watch);
    record(member, member->watch->health(), member->watch->reason());
}

void HealthMonitor::Impl::record(const MemberPtr& member, Health health,
                                 const std::string& reason) {
    auto& verdict = member->verdict;
    assign(verdict.reason, reason);
    if (verdict.health == health) return;
    verdict.health = health;
    verdict.since_ms = wall_clock_ms();
    asio::post(loop_, [this, weak = std::weak_ptr(member), verdict] {
        if (const auto alive = weak.lock()) on_change_(alive->target.id, verdict);
    });
}

HealthMonitor::HealthMonitor(asio::io_context& loop, OnChange on_change, ProgramRunner* programs,
                             dataplane::CheckWays* ways)
    : impl_(std::make_unique<Impl>(loop, std::move(on_change), programs, ways)) {}

HealthMonitor::~HealthMonitor() = default;

void HealthMonitor::set_targets(const std::vector<Target>& targets,
                                const std::vector<TargetId>& assumed_up) {
    impl_->set_targets(targets, assumed_up);
}

const HealthView& HealthMonitor::view() const {
    return impl_->view();
}

void HealthMonitor::check_soon(const TargetId& target) {
    impl_->check_soon(target);
}

const Lateness& HealthMonitor::lateness() const {
    return impl_->lateness();
}

Result<std::shared_ptr<const Transcript>> HealthMonitor::check_now(const TargetId& target) {
    return impl_->check_now(target);
}

}  // namespace shoal::health
