#include "director/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "director/loads.h"

namespace shoal::director {

namespace {

using model::AdministrativeState;
using model::EventKind;

Milliseconds slow_start_of(const ServiceGroup& group) {
    Milliseconds longest{};
    for (const auto* service : group.virtual_servers)
        longest = std::max(longest, service->slow_start);
    return longest;
}

std::set<health::TargetId> targets_of(const model::Configuration& configuration) {
    std::set<health::TargetId> all;
    for (const auto& service : configuration.virtual_servers) {
        for (const auto& server : service.real_servers)
            all.insert({service.name, server.name});
    }
    return all;
}

}  // namespace

Conditions::Conditions(std::string states_file, Tell tell)
    : tell_(std::move(tell)), states_(std::move(states_file)) {}

void Conditions::begin(const model::Configuration& configuration, const dataplane::State& state) {
    if (const auto loaded = states_.load(); !loaded) {
        problems_ = {loaded.error().message + "; all real servers are enabled"};
        log(Message::states_lost, "{}", problems_.front());
    }
    lost_quorums_ = lost_quorums_of(configuration, state);
    told_ = lost_quorums_;
}

void Conditions::follow(const model::Configuration& configuration,
                        const std::optional<model::Configuration>& former) {
    auto known = targets_of(configuration);
    if (former) known.merge(targets_of(*former));
    states_.keep_only([&](const auto& target) { return known.contains(target); });
    std::erase_if(told_, [&](const auto& name) {
        return std::ranges::find(configuration.virtual_servers, name,
                                 &model::VirtualServer::name) ==
               configuration.virtual_servers.end();
    });
}

std::vector<SlowStarts::Sight> Conditions::sights(const ServiceGroup& group,
                                                  const std::vector<Candidate>& candidates) {
    std::vector<SlowStarts::Sight> all;
    const auto duration = slow_start_of(group);
    for (const auto& candidate : candidates) {
        all.push_back({.place = {group.key, candidate.server.key},
                       .targets = candidate.targets,
                       .usable = candidate.is_usable(),
                       .undecided = candidate.may_be_usable() && !candidate.is_usable(),
                       .duration = duration});
    }
    return all;
}

void Conditions::look(const model::Configuration& configuration, const health::HealthView& health,
                      const health::LoadView& loads, TimePoint now) {
    wanted_ = with_wishes(states_.view(), loads);
    const Circumstances before{.health = health, .states = wanted_, .lost_quorums = lost_quorums_};
    std::vector<SlowStarts::Sight> all;
    std::map<std::string, Quorum> found;
    for (const auto& group : service_groups(configuration)) {
        const auto known = candidates(configuration, group, before);
        std::ranges::move(sights(group, known), std::back_inserter(all));
        const auto quorum = quorum_of(group, known, lost_quorums_);
        for (const auto* service : group.virtual_servers)
            found.emplace(service->name, quorum);
    }
    slow_starts_.look(all, now);
    factors_ = slow_starts_.applied_to(load_factors(loads), now);
    tell_quorums(found);
    quorums_ = std::move(found);
    // Before the first checks have ended no quorum was there to be lost.
    const auto lost_before = std::exchange(lost_quorums_, {});
    for (const auto& [name, quorum] : quorums_) {
        if (quorum.lost && (quorum.certain || lost_before.contains(name)))
            lost_quorums_.insert(name);
    }
}

void Conditions::tell_quorums(const std::map<std::string, Quorum>& found) {
    for (const auto& [name, quorum] : found) {
        if (quorum.lost == told_.contains(name) || !quorum.certain) continue;
        if (quorum.lost)
            told_.insert(name);
        else
            told_.erase(name);
        const auto kind = quorum.lost ? EventKind::quorum_lost : EventKind::quorum_regained;
        tell_({kind,
               {name, ""},
               fmt::format("{} of {} real servers are usable", quorum.usable, quorum.all)});
    }
}

Circumstances Conditions::circumstances(const health::HealthView& health) const {
    return {
        .health = health, .states = wanted_, .factors = factors_, .lost_quorums = lost_quorums_};
}

Result<StateChange> Conditions::order(const health::TargetId& target, const StateOrder& order) {
    auto changed = states_.order(target, order, wall_clock_ms());
    // The file is whole again.
    if (changed) problems_.clear();
    return changed;
}

std::vector<StateChange> Conditions::advance(
    const std::function<bool(const health::TargetId&)>& has_connections) {
    return states_.advance(wall_clock_ms(), has_connections);
}

AdministrativeState Conditions::state_of(const health::TargetId& target) const {
    const auto found = states_.view().find(target);
    return found == states_.view().end() ? AdministrativeState::enabled : found->second;
}

}  // namespace shoal::director
