#include "director/marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "director/desired_state.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using model::Health;
using model::Protocol;
using testing::all_up;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::two_of_one_mark;
using testing::weights;

const net::Address vip = testing::address("192.0.2.80");

TEST(Marks, virtual_servers_of_one_mark_are_one_service) {
    const auto configuration = two_of_one_mark();
    const auto desired = desired_state(configuration, {all_up(configuration)}, {});
    ASSERT_THAT(desired.services, SizeIs(1));
    const auto& service = desired.services[0];
    EXPECT_EQ(service.key.to_string(), "mark 80");
    EXPECT_THAT(service.options.matches,
                ElementsAre(dataplane::MarkMatch{Protocol::tcp, vip, 80},
                            dataplane::MarkMatch{Protocol::tcp, vip, 443}));
    EXPECT_EQ(weights(service), (std::map<int, std::uint32_t>{{1, 1}, {2, 3}}));
    EXPECT_EQ(service.servers[0].key.port, 0) << "packets keep their port";
}

TEST(Marks, different_marks_are_different_services) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[1].firewall_mark = 443;
    EXPECT_THAT(desired_state(configuration, {all_up(configuration)}, {}).services, SizeIs(2));
    configuration.virtual_servers[1].firewall_mark.reset();
    EXPECT_THAT(desired_state(configuration, {all_up(configuration)}, {}).services, SizeIs(2));
}

TEST(Marks, every_address_of_a_mark_floats) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[1].address = net::Prefix::parse("192.0.2.81/24").value();
    configuration.virtual_servers[1].device = {"wan1", "wan1:1"};
    const auto desired = desired_state(configuration, {all_up(configuration)}, {});
    EXPECT_THAT(desired.addresses, SizeIs(2));
    EXPECT_TRUE(desired.hooks.contains("wan0"));
    EXPECT_TRUE(desired.hooks.contains("wan1"));
}

TEST(Marks, rules_of_a_mark_add_up) {
    auto configuration = two_of_one_mark();
    configuration.marks = {{21, vip, Protocol::tcp, {21, {10'000, 20'000}}},
                           {80, vip, Protocol::tcp, {80}},
                           {80, testing::address("192.0.2.81"), Protocol::udp, {0}},
                           {80, vip, Protocol::tcp, {443, 80}}};
    EXPECT_THAT(
        mark_matches(configuration, {.mark = 80}),
        ElementsAre(dataplane::MarkMatch{Protocol::tcp, vip, 80},
                    dataplane::MarkMatch{Protocol::tcp, vip, 443},
                    dataplane::MarkMatch{Protocol::udp, testing::address("192.0.2.81"), 0}));
    EXPECT_THAT(mark_matches(configuration, {.mark = 21}),
                ElementsAre(dataplane::MarkMatch{Protocol::tcp, vip, 21},
                            dataplane::MarkMatch{Protocol::tcp, vip, {10'000, 20'000}}));
    EXPECT_THAT(mark_matches(configuration, {.mark = 22}), IsEmpty());
}

TEST(Marks, a_real_server_is_up_only_if_all_virtual_servers_that_have_it_say_so) {
    struct Case {
        Health http;
        Health https;
        bool in_pool;
    };
    for (const auto& [http, https, in_pool] :
         {Case{Health::up, Health::up, true}, Case{Health::up, Health::down, false},
          Case{Health::down, Health::up, false}, Case{Health::down, Health::down, false},
          Case{Health::up, Health::unknown, false}}) {
        const auto configuration = two_of_one_mark();
        auto health = all_up(configuration);
        health[{"http", "web-1"}].health = http;
        health[{"https", "web-1"}].health = https;
        const auto desired = desired_state(configuration, {health}, {});
        EXPECT_EQ(weights(desired.services[0]).contains(1), in_pool);
        EXPECT_TRUE(weights(desired.services[0]).contains(2));
    }
}

TEST(Marks, a_real_server_of_one_virtual_server_needs_only_its_checks) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[0].real_servers.pop_back();
    configuration.virtual_servers[1].real_servers.erase(
        configuration.virtual_servers[1].real_servers.begin());
    configuration.virtual_servers[1].real_servers.push_back(
        testing::real_server("web-3", "10.11.12.3", 5));
    auto health = all_up(configuration);
    health[{"https", "web-2"}].health = Health::down;
    const auto desired = desired_state(configuration, {health}, {});
    EXPECT_EQ(weights(desired.services[0]), (std::map<int, std::uint32_t>{{1, 1}, {3, 5}}));
}

TEST(Marks, names_of_real_servers_do_not_matter_their_addresses_do) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[1].real_servers[0].name = "other";
    auto health = all_up(configuration);
    health[{"https", "other"}].health = Health::down;
    const auto desired = desired_state(configuration, {health}, {});
    EXPECT_EQ(weights(desired.services[0]), (std::map<int, std::uint32_t>{{2, 3}}));
}

TEST(Marks, only_active_virtual_servers_belong) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[0].active = false;
    auto health = all_up(configuration);
    health[{"http", "web-1"}].health = Health::down;
    const auto desired = desired_state(configuration, {health}, {});
    ASSERT_THAT(desired.services, SizeIs(1));
    EXPECT_THAT(desired.services[0].servers, SizeIs(2));
    EXPECT_THAT(service_groups(configuration)[0].virtual_servers,
                ElementsAre(&configuration.virtual_servers[1]));
}

TEST(Marks, a_real_server_that_is_not_active_in_one_takes_nothing_for_any) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[1].real_servers[0].active = false;
    const auto desired = desired_state(configuration, {all_up(configuration)}, {});
    EXPECT_EQ(weights(desired.services[0]), (std::map<int, std::uint32_t>{{2, 3}}));
}

TEST(Marks, drain_and_sorry_server_hold_for_all_together) {
    auto configuration = two_of_one_mark();
    for (auto& service : configuration.virtual_servers) {
        service.on_failure = model::OnFailure::drain;
        service.sorry_server = {testing::address("10.11.12.9"), {}, {}};
    }
    auto health = all_up(configuration);
    health[{"http", "web-1"}].health = Health::down;
    EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]),
              (std::map<int, std::uint32_t>{{1, 0}, {2, 3}}));
    health[{"https", "web-2"}].health = Health::down;
    EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]),
              (std::map<int, std::uint32_t>{{1, 0}, {2, 0}, {9, 1}}));
}

TEST(Marks, over_each_family_are_two_virtual_servers) {
    model::Configuration configuration;
    for (const auto* address : {"192.0.2.80", "2001:db8::80"}) {
        auto& service = configuration.virtual_servers.emplace_back();
        service.name = address;
        service.address = *net::Prefix::parse(address);
        service.firewall_mark = 80;
        auto& rule = configuration.marks.emplace_back();
        rule.value = 80;
        rule.address = service.address.address;
        rule.ports = {model::PortRange(80)};
    }
    const auto groups = service_groups(configuration);
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(groups[0].key.to_string(), "mark 80");
    EXPECT_EQ(groups[1].key.to_string(), "mark 80 over IPv6");
    for (const auto& group : groups) {
        const auto matches = mark_matches(configuration, group.key);
        ASSERT_EQ(matches.size(), 1U);
        EXPECT_EQ(matches[0].address, group.first().address.address);
    }
}

}  // namespace
}  // namespace shoal::director
