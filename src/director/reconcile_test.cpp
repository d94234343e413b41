#include "director/reconcile.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
// rapidcheck/gtest.h needs gtest.h before it.
#include <rapidcheck/gtest.h>

#include "dataplane/fake/fake_dataplane.h"
#include "director/testing.h"
#include "model/choices.h"

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
    const auto operations = reconcile(
        desired_state(configuration, {all_up(configuration)}, {"lan0"}), system.observe());
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
    const auto desired = desired_state(configuration, {all_up(configuration)}, {"lan0"});
    System system;
    system.perform(reconcile(desired, system.observe()));
    EXPECT_THAT(described(reconcile(desired, system.observe())), IsEmpty());
}

TEST(Reconcile, a_failed_server_is_one_operation_and_so_is_its_return) {
    const auto configuration = two_servers();
    auto health = all_up(configuration);
    System system;
    system.perform(reconcile(desired_state(configuration, {health}, {}), system.observe()));

    health[{"web", "web-1"}].health = model::Health::down;
    const auto out = reconcile(desired_state(configuration, {health}, {}), system.observe());
    EXPECT_THAT(described(out),
                ElementsAre("remove real server 10.11.12.1:80 from tcp 192.0.2.80:80"));
    system.perform(out);

    health[{"web", "web-1"}].health = model::Health::up;
    system.perform(reconcile(desired_state(configuration, {health}, {}), system.observe()));
    // Back at the head of the list, as IPVS would put it.
    EXPECT_EQ(system.observe().dataplane.services[0].servers[0].key.to_string(), "10.11.12.1:80");
}

TEST(Reconcile, an_edit_touches_only_what_it_changes) {
    auto configuration = two_servers();
    System system;
    system.perform(
        reconcile(desired_state(configuration, {all_up(configuration)}, {}), system.observe()));
    configuration.virtual_servers[0].real_servers[1].weight = 0;
    configuration.virtual_servers[0].scheduler = model::Scheduler::rr;
    EXPECT_THAT(described(reconcile(desired_state(configuration, {all_up(configuration)}, {}),
                                    system.observe())),
                ElementsAre("change the options of tcp 192.0.2.80:80 (rr)",
                            "set real server 10.11.12.2:80 of tcp 192.0.2.80:80 to weight 0, nat"));
}

TEST(Reconcile, one_weight_is_one_operation_under_every_scheduler) {
    for (const auto& scheduler : model::Choices<model::Scheduler>::all) {
        auto configuration = two_servers();
        configuration.virtual_servers[0].scheduler = scheduler.value;
        auto tls = configuration.virtual_servers[0];
        tls.name = "tls";
        tls.port = 443;
        configuration.virtual_servers.push_back(tls);
        const auto health = all_up(configuration);
        System system;
        system.perform(reconcile(desired_state(configuration, {health}, {}), system.observe()));
        configuration.virtual_servers[1].real_servers[0].weight = 7;
        EXPECT_THAT(
            described(reconcile(desired_state(configuration, {health}, {}), system.observe())),
            ElementsAre("set real server 10.11.12.1:443 of tcp 192.0.2.80:443 to weight 7, nat"))
            << scheduler.name;
    }
}

TEST(Reconcile, a_scheduler_for_few_comes_when_the_others_have_gone) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    for (int i = 0; i < 256; ++i) {
        service.real_servers.push_back(
            testing::real_server(fmt::format("s{}", i), fmt::format("10.11.13.{}", i)));
    }
    System system;
    system.perform(
        reconcile(desired_state(configuration, {all_up(configuration)}, {}), system.observe()));
    service.scheduler = model::Scheduler::lblc;
    service.real_servers.resize(256);
    const auto operations =
        reconcile(desired_state(configuration, {all_up(configuration)}, {}), system.observe());
    system.perform(operations);
    EXPECT_THAT(described(operations),
                ElementsAre("remove real server 10.11.13.255:80 from tcp 192.0.2.80:80",
                            "remove real server 10.11.13.254:80 from tcp 192.0.2.80:80",
                            "change the options of tcp 192.0.2.80:80 (lblc)"));
}

TEST(Reconcile, an_address_that_changes_its_label_is_removed_before_it_is_added) {
    auto configuration = two_servers();
    System system;
    system.perform(
        reconcile(desired_state(configuration, {all_up(configuration)}, {}), system.observe()));
    configuration.virtual_servers[0].device = {"wan0", "wan0:web"};
    EXPECT_THAT(described(reconcile(desired_state(configuration, {all_up(configuration)}, {}),
                                    system.observe())),
                ElementsAre("remove address 192.0.2.80/24 from wan0:1",
                            "add address 192.0.2.80/24 on wan0:web"));
}

TEST(Reconcile, a_virtual_server_goes_after_its_address) {
    auto configuration = two_servers();
    System system;
    system.perform(
        reconcile(desired_state(configuration, {all_up(configuration)}, {}), system.observe()));
    configuration.virtual_servers.clear();
    EXPECT_THAT(described(reconcile(desired_state(configuration, {}, {}), system.observe())),
                ElementsAre("remove address 192.0.2.80/24 from wan0:1",
                            "remove virtual server tcp 192.0.2.80:80", "detach from device wan0"));
}

/// What becomes of the connections of each real server that `operations` remove.
std::map<int, model::RemovedConnections> removed(const std::vector<Operation>& operations) {
    std::map<int, model::RemovedConnections> removed;
    for (const auto& operation : operations) {
        const auto* change = std::get_if<dataplane::Operation>(&operation);
        if (const auto* remove = change ? std::get_if<dataplane::RemoveServer>(change) : nullptr)
            removed[remove->server.address.bytes()[3]] = remove->connections;
    }
    return removed;
}

TEST(Reconcile, connections_of_a_failed_server_end_and_of_a_removed_one_as_it_is_set) {
    using enum model::RemovedConnections;
    for (const auto setting : {end, keep}) {
        auto configuration = two_servers();
        auto& service = configuration.virtual_servers[0];
        service.removed_connections = setting;
        service.real_servers.push_back(testing::real_server("web-3", "10.11.12.3"));
        auto health = all_up(configuration);
        System system;
        system.perform(reconcile(desired_state(configuration, {health}, {}), system.observe()));
        service.real_servers.pop_back();
        health[{"web", "web-1"}].health = model::Health::down;
        EXPECT_EQ(removed(reconcile(desired_state(configuration, {health}, {}), system.observe())),
                  (std::map<int, model::RemovedConnections>{{1, end}, {3, setting}}));
    }
}

TEST(Reconcile, a_drained_server_is_edited_and_comes_back_by_an_edit) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].on_failure = model::OnFailure::drain;
    auto health = all_up(configuration);
    System system;
    system.perform(reconcile(desired_state(configuration, {health}, {}), system.observe()));
    health[{"web", "web-2"}].health = model::Health::down;
    const auto out = reconcile(desired_state(configuration, {health}, {}), system.observe());
    EXPECT_THAT(described(out), ElementsAre("set real server 10.11.12.2:80 of tcp 192.0.2.80:80 to "
                                            "weight 0, nat"));
    system.perform(out);
    health[{"web", "web-2"}].health = model::Health::up;
    EXPECT_THAT(described(reconcile(desired_state(configuration, {health}, {}), system.observe())),
                ElementsAre("set real server 10.11.12.2:80 of tcp 192.0.2.80:80 to weight 3, nat"));
}

TEST(Reconcile, somebody_serves_while_the_sorry_server_comes_and_goes) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].real_servers.pop_back();
    configuration.virtual_servers[0].sorry_server = {testing::address("10.11.12.9"), {}, {}};
    auto health = all_up(configuration);
    System system;
    system.perform(reconcile(desired_state(configuration, {health}, {}), system.observe()));

    health[{"web", "web-1"}].health = model::Health::down;
    const auto out = reconcile(desired_state(configuration, {health}, {}), system.observe());
    EXPECT_THAT(described(out),
                ElementsAre("remove real server 10.11.12.1:80 from tcp 192.0.2.80:80",
                            "add real server 10.11.12.9:80 to tcp 192.0.2.80:80"));
    system.perform(out);
    health[{"web", "web-1"}].health = model::Health::up;
    const auto back = reconcile(desired_state(configuration, {health}, {}), system.observe());
    EXPECT_THAT(described(back),
                ElementsAre("add real server 10.11.12.1:80 to tcp 192.0.2.80:80",
                            "remove real server 10.11.12.9:80 from tcp 192.0.2.80:80"));
    EXPECT_EQ(removed(back).at(9), model::RemovedConnections::keep);
}

TEST(Reconcile, what_concerns_one_service_stands_together_and_failures_come_first) {
    auto configuration = two_servers();
    auto tls = configuration.virtual_servers[0];
    tls.name = "tls";
    tls.port = 443;
    configuration.virtual_servers.push_back(tls);
    auto health = all_up(configuration);
    System system;
    system.perform(reconcile(desired_state(configuration, {health}, {}), system.observe()));
    configuration.virtual_servers[0].real_servers[0].weight = 7;
    configuration.virtual_servers[1].real_servers[0].weight = 7;
    health[{"tls", "web-2"}].health = model::Health::down;
    EXPECT_THAT(described(reconcile(desired_state(configuration, {health}, {}), system.observe())),
                ElementsAre("remove real server 10.11.12.2:443 from tcp 192.0.2.80:443",
                            "set real server 10.11.12.1:443 of tcp 192.0.2.80:443 to weight 7, nat",
                            "set real server 10.11.12.1:80 of tcp 192.0.2.80:80 to weight 7, nat"));
}

TEST(Reconcile, the_order_of_access_lists_means_nothing) {
    auto configuration = two_servers();
    auto& allow = configuration.virtual_servers[0].allow;
    allow = {net::Prefix::parse("10.0.0.0/8").value(), net::Prefix::parse("10.0.0.0/16").value()};
    System system;
    system.perform(reconcile(desired_state(configuration, {}, {}), system.observe()));
    std::ranges::reverse(allow);
    EXPECT_THAT(described(reconcile(desired_state(configuration, {}, {}), system.observe())),
                IsEmpty());
    allow.pop_back();
    EXPECT_THAT(described(reconcile(desired_state(configuration, {}, {}), system.observe())),
                ElementsAre("change the options of tcp 192.0.2.80:80 (wlc)"));
}

TEST(Reconcile, a_mark_takes_over_before_the_virtual_server_it_replaces_goes) {
    auto configuration = two_servers();
    System system;
    system.perform(
        reconcile(desired_state(configuration, {all_up(configuration)}, {}), system.observe()));
    configuration.virtual_servers[0].firewall_mark = 80;
    configuration.marks = {{80, testing::address("192.0.2.80"), model::Protocol::tcp, {80}}};
    EXPECT_THAT(
        described(
            reconcile(desired_state(configuration, {all_up(configuration)}, {}), system.observe())),
        ElementsAre("add virtual server mark 80 (wlc)", "add real server 10.11.12.1:0 to mark 80",
                    "add real server 10.11.12.2:0 to mark 80",
                    "remove virtual server tcp 192.0.2.80:80"));
}

TEST(Reconcile, who_takes_ports_over_stands_before_who_had_them) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].port = {8000, 8100};
    auto other = configuration.virtual_servers[0];
    other.name = "other";
    other.port = 443;
    configuration.virtual_servers.push_back(other);
    System system;
    system.perform(reconcile(desired_state(configuration, {}, {}), system.observe()));
    configuration.virtual_servers[0].port = {8050, 8200};
    configuration.virtual_servers[0].address = net::Prefix::parse("192.0.2.80/32").value();
    configuration.virtual_servers.pop_back();
    EXPECT_THAT(described(reconcile(desired_state(configuration, {}, {}), system.observe())),
                ElementsAre("add virtual server tcp 192.0.2.80:8050-8200 (wlc)",
                            "remove virtual server tcp 192.0.2.80:8000-8100",
                            "remove address 192.0.2.80/24 from wan0:1",
                            "add address 192.0.2.80/32 on wan0:1",
                            "remove virtual server tcp 192.0.2.80:443"));
}

TEST(Reconcile, a_mark_gives_a_port_up_before_another_one_takes_it) {
    auto configuration = testing::two_of_one_mark();
    configuration.virtual_servers[0].firewall_mark = 70;
    const auto vip = testing::address("192.0.2.80");
    configuration.marks = {{70, vip, model::Protocol::tcp, {80}},
                           {80, vip, model::Protocol::tcp, {443, 8080}}};
    System system;
    system.perform(reconcile(desired_state(configuration, {}, {}), system.observe()));
    configuration.marks = {{70, vip, model::Protocol::tcp, {80, 8080}},
                           {80, vip, model::Protocol::tcp, {443}}};
    EXPECT_THAT(
        described(reconcile(desired_state(configuration, {}, {}), system.observe())),
        ElementsAre("change the options of mark 80 (wlc)", "change the options of mark 70 (wlc)"));
}

TEST(Reconcile, the_table_gets_its_size_when_all_else_is_done) {
    auto configuration = two_servers();
    configuration.global.table_size = 1 << 16;
    System system;
    const auto out = reconcile(desired_state(configuration, {all_up(configuration)}, {"lan0"}),
                               system.observe());
    EXPECT_EQ(described(out).back(), "move the connections to a table of 65536 cells");
    system.perform(out);
    EXPECT_THAT(described(reconcile(desired_state(configuration, {all_up(configuration)}, {"lan0"}),
                                    system.observe())),
                IsEmpty());
}

TEST(Reconcile, settings_of_the_director_are_set_once) {
    auto configuration = two_servers();
    configuration.virtual_servers.clear();
    configuration.global.secure_tcp = true;
    System system;
    const auto out = reconcile(desired_state(configuration, {}, {}), system.observe());
    EXPECT_THAT(described(out), ElementsAre("switch secure_tcp on"));
    system.perform(out);
    EXPECT_THAT(described(reconcile(desired_state(configuration, {}, {}), system.observe())),
                IsEmpty());
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
        service.on_failure = *rc::gen::element(model::OnFailure::remove, model::OnFailure::drain);
        if (*rc::gen::arbitrary<bool>()) {
            service.sorry_server = {testing::address("10.11.12.9"), {}, {}};
        }
        if (*rc::gen::arbitrary<bool>()) service.firewall_mark = 80;
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
        auto health = all_up(configuration);
        for (auto& [id, verdict] : health) {
            verdict.health = *rc::gen::element(model::Health::up, model::Health::down);
        }
        const auto desired = desired_state(configuration, {health}, {"lan0"});
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
