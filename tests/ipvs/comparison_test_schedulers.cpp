#include <fmt/format.h>

#include <algorithm>

#include "model/choices.h"
#include "random_sequence.h"

// Random virtual servers under every scheduler. The seed is GoogleTest's own
// (--gtest_random_seed), so that a failure can be had again.

namespace shoal::ipvs {
namespace {

using model::Scheduler;

Scenario plain(Scheduler scheduler, unsigned round) {
    return {fmt::format("{}_{}", model::name_of(scheduler), round), {scheduler}};
}

Scenario hashing(Scheduler scheduler, bool port, bool fallback) {
    Scenario scenario = plain(scheduler, 0);
    scenario.name = fmt::format("{}{}{}", model::name_of(scheduler), port ? "_port" : "",
                                fallback ? "_fallback" : "");
    scenario.options.hash_port = port;
    scenario.options.hash_fallback = fallback;
    return scenario;
}

/// What is chosen depends on where the client wants to go.
Scenario by_destination(Scheduler scheduler) {
    Scenario scenario = plain(scheduler, 0);
    scenario.name = model::name_of(scheduler);
    scenario.addresses = 24;
    return scenario;
}

/// More real servers than one node of a pool holds, and than sixteen of them do.
Scenario large(Scheduler scheduler, unsigned servers) {
    Scenario scenario = plain(scheduler, 0);
    scenario.name = fmt::format("{}_over_{}", model::name_of(scheduler), servers);
    scenario.least_servers = scenario.most_servers = servers;
    return scenario;
}

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all = [] {
        std::vector<Scenario> list;
        for (const auto scheduler :
             {Scheduler::rr, Scheduler::wrr, Scheduler::lc, Scheduler::wlc, Scheduler::sed,
              Scheduler::nq, Scheduler::fo, Scheduler::ovf}) {
            for (const unsigned round : {1, 2})
                list.push_back(plain(scheduler, round));
        }
        for (const auto scheduler : {Scheduler::sh, Scheduler::mh}) {
            for (const bool port : {false, true}) {
                list.push_back(hashing(scheduler, port, false));
                list.push_back(hashing(scheduler, port, true));
            }
        }
        for (const auto scheduler :
             {Scheduler::dh, Scheduler::lblc, Scheduler::lblcr, Scheduler::wlc})
            list.push_back(by_destination(scheduler));
        list.push_back(large(Scheduler::wrr, 40));
        list.push_back(large(Scheduler::wlc, 300));
        return list;
    }();
    return all;
}

class EveryScheduler : public RandomSequence, public ::testing::WithParamInterface<Scenario> {};

TEST_P(EveryScheduler, chooses_as_the_kernel_does) {
    // A seed of its own for each: the same clients with the same real servers would meet.
    const auto& all = scenarios();
    const auto place = std::ranges::find(all, GetParam().name, &Scenario::name) - all.begin();
    const int seed = ::testing::UnitTest::GetInstance()->random_seed();
    run(static_cast<std::uint32_t>(seed * 1000 + place), GetParam(), 8000);
}

INSTANTIATE_TEST_SUITE_P(Of, EveryScheduler, ::testing::ValuesIn(scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace shoal::ipvs
