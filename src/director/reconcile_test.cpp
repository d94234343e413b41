#include "director/reconcile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
// rapidcheck/gtest.h needs gtest.h before it.
#include <rapidcheck/gtest.h>

#include "dataplane/fake/fake_dataplane.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using dataplane::FakeDataplane;
using testing::all_up;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::two_servers;

/// The fake kernel: a data plane and the addresses.
struct System {
    FakeDataplane dataplane;
    std::vector<redundancy::FloatingAddress> addresses;

    ObservedState observe() { return {dataplane.observe().value(), addresses}; }

    void perform(const std::vector<Operation>& operations) {
        for (const auto& operation : operations) {
            if (const auto* add = std::get_if<AddAddress>(&operation)) {
                addresses.push_back(add->address);
            } else if (const auto* remove = std::get_if<RemoveAddress>(&operation)) {
                std::erase(addresses, remove->address);
            } else {
                ASSERT_TRUE(dataplane.apply(std::get<dataplane::Operation>(operation)));
            }
        }
    }
};

std::vector<std::string> described(const std::vector<Operation>& operations) {
    std::vector<std::string> texts;
    for (const auto& operation : operations)
        texts.push_back(to_string(operation));
    return texts;
}

TEST(Reconcile, starts_with_services_and_ends_with_addresses) {
    const auto configuration = two_servers();
    System system;
    const auto operations =
        reconcile(desired_state(configuration, all_up(configuration), {"lan0"}), system.observe());
    EXPECT_THAT(
        described(operations),
        ElementsAre("add virtual server tcp 192.0.2.80:80 (wlc)",
                    "add real server 10.11.12.1:80 to tcp 192.0.2.80:80",
                    "add real server 10.11.12.2:80 to tcp 192.0.2.80:80",
                    "attach to device lan0 (hook auto)", "attach to device wan0 (hook auto)",
                    "add address 192.0.2.80/24 on wan0:1"));
}

TEST(Reconcile, a_second_run_does_nothing) {
    const auto configuration = two_servers();
    const auto desired = desired_state(configuration, all_up(configuration), {"lan0"});
    System system;
    system.perform(reconcile(desired, system.observe()));
    EXPECT_THAT(described(reconcile(desired, system.observe())), IsEmpty());
}

TEST(Reconcile, a_failed_server_is_one_operation_and_so_is_its_return) {
    const auto configuration = two_servers();
    auto health = all_up(configuration);
    System system;
    system.perform(reconcile(desired_state(configuration, health, {}), system.observe()));

    health[{"web", "web-1"}].health = model::Health::down;
    const auto out = reconcile(desired_state(configuration, health, {}), system.observe());
    EXPECT_THAT(described(out),
                ElementsAre("remove real server 10.11.12.1:80 from tcp 192.0.2.80:80"));
    system.perform(out);

    health[{"web", "web-1"}].health = model::Health::up;
    system.perform(reconcile(desired_state(configuration, health, {}), system.observe()));
    // Back at the head of the list, as IPVS would put it.
    EXPECT_EQ(system.observe().dataplane.services[0].servers[0].key.to_string(), "10.11.12.1:80");
}

TEST(Reconcile, an_edit_touches_only_what_it_changes) {
    auto configuration = two_servers();
    System system;
    system.perform(
        reconcile(desired_state(configuration, all_up(configuration), {}), system.observe()));
    configuration.virtual_servers[0].real_servers[1].weight = 0;
    configuration.virtual_servers[0].scheduler = model::Scheduler::rr;
    EXPECT_THAT(described(reconcile(desired_state(configuration, all_up(configuration), {}),
                                    system.observe())),
                ElementsAre("set the scheduler of tcp 192.0.2.80:80 to rr",
                            "set real server 10.11.12.2:80 of tcp 192.0.2.80:80 to weight 0, nat"));
}

TEST(Reconcile, an_address_that_changes_its_label_is_removed_before_it_is_added) {
    auto configuration = two_servers();
    System system;
    system.perform(
        reconcile(desired_state(configuration, all_up(configuration), {}), system.observe()));
    configuration.virtual_servers[0].device = {"wan0", "wan0:web"};
    EXPECT_THAT(described(reconcile(desired_state(configuration, all_up(configuration), {}),
                                    system.observe())),
                ElementsAre("remove address 192.0.2.80/24 from wan0:1",
                            "add address 192.0.2.80/24 on wan0:web"));
}

TEST(Reconcile, a_virtual_server_goes_after_its_address) {
    auto configuration = two_servers();
    System system;
    system.perform(
        reconcile(desired_state(configuration, all_up(configuration), {}), system.observe()));
    configuration.virtual_servers.clear();
    EXPECT_THAT(described(reconcile(desired_state(configuration, {}, {}), system.observe())),
                ElementsAre("remove address 192.0.2.80/24 from wan0:1",
                            "remove virtual server tcp 192.0.2.80:80", "detach from device wan0"));
}

model::Configuration random_configuration() {
    model::Configuration configuration;
    const int services = *rc::gen::inRange(0, 4);
    for (int s = 0; s < services; ++s) {
        auto service = two_servers().virtual_servers[0];
        service.name = "service" + std::to_string(s);
        service.port = static_cast<std::uint16_t>(80 + s);
        service.active = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
        service.scheduler = *rc::gen::element(model::Scheduler::rr, model::Scheduler::wrr);
        service.device = {"wan0", *rc::gen::element<std::string>("wan0:1", "wan0:2")};
        service.real_servers.clear();
        for (int n = 1; n <= 5; ++n) {
            if (*rc::gen::arbitrary<bool>()) {
                service.real_servers.push_back(testing::real_server(
                    "web-" + std::to_string(n), "10.11.12." + std::to_string(n),
                    static_cast<std::uint32_t>(*rc::gen::inRange(0, 3))));
            }
        }
        configuration.virtual_servers.push_back(service);
    }
    return configuration;
}

// From anything the director may have left behind, one reconciliation reaches what is wanted.
RC_GTEST_PROP(Reconcile, any_state_becomes_the_desired_one_in_one_pass, ()) {
    System system;
    for (int edit = 0; edit < 3; ++edit) {
        const auto configuration = random_configuration();
        const auto desired = desired_state(configuration, all_up(configuration), {"lan0"});
        system.perform(reconcile(desired, system.observe()));
        RC_ASSERT(described(reconcile(desired, system.observe())).empty());
        const auto state = system.observe().dataplane;
        RC_ASSERT(state.services.size() == desired.services.size());
        for (const auto& service : desired.services) {
            const auto found =
                std::ranges::find(state.services, service.key, &dataplane::Service::key);
            RC_ASSERT(found != state.services.end());
            RC_ASSERT(std::ranges::is_permutation(found->servers, service.servers));
        }
    }
}

}  // namespace
}  // namespace shoal::director
