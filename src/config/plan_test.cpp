#include "config/plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/toml_reader.h"

namespace shoal::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

model::RealServer real_server(int number, std::uint32_t weight = 1) {
    model::RealServer server;
    server.name = fmt::format("web-{}", number);
    server.address = net::Address::parse(fmt::format("10.11.12.{}", number)).value();
    server.weight = weight;
    return server;
}

/// "web" with web-1 to web-3.
model::Configuration three_servers(model::Scheduler scheduler = model::Scheduler::wlc) {
    model::VirtualServer web;
    web.name = "web";
    web.address = net::Prefix::parse("192.0.2.80/24").value();
    web.device = {"wan0", "wan0:1"};
    web.scheduler = scheduler;
    web.real_servers = {real_server(1), real_server(2), real_server(3)};
    model::Configuration configuration;
    configuration.virtual_servers = {web};
    return configuration;
}

/// Everything serves with its weight; the n-th real server of each virtual server has n * 10
/// connections.
Running running(const model::Configuration& configuration) {
    Running running;
    for (const auto& service : configuration.virtual_servers) {
        if (!service.active) continue;
        auto& known = running.services[service.name];
        for (const auto& server : service.real_servers) {
            if (!server.active) continue;
            const auto number = known.servers.size() + 1;
            known.servers.insert(known.servers.begin(),
                                 {endpoint_of(service, server), server.weight, number * 10, 0});
        }
    }
    return running;
}

Plan plan(const model::Configuration& present, const model::Configuration& candidate) {
    return make_plan(present, candidate, running(present));
}

std::vector<std::string> lines(const Plan& plan) {
    std::vector<std::string> lines;
    for (const auto& change : plan.changes)
        lines.push_back(change.what + " (" + change.effect + ")");
    return lines;
}

class PlanTest : public ::testing::Test {
  protected:
    model::VirtualServer& web() { return candidate.virtual_servers[0]; }
    Plan made() const { return plan(present, candidate); }

    model::Configuration present = three_servers();
    model::Configuration candidate = present;
};

TEST_F(PlanTest, without_a_change_is_empty) {
    EXPECT_THAT(made().changes, IsEmpty());
    EXPECT_EQ(made().severity, Severity::none);
}

TEST_F(PlanTest, says_how_much_a_weight_moves) {
    web().real_servers[1].weight = 3;
    const auto found = made();
    EXPECT_THAT(lines(found), ElementsAre("weight of web-2: 1 -> 3 (about 27 % of new connections "
                                          "move; established connections stay)"));
    EXPECT_EQ(found.severity, Severity::new_connections);
    EXPECT_NEAR(*found.changes[0].moved, 0.6 - 1.0 / 3, 1e-9);
    ASSERT_EQ(found.pools.size(), 1U);
    EXPECT_EQ(found.pools[0].shares[1].real_server, "web-2");
    EXPECT_NEAR(*found.pools[0].shares[1].before, 1.0 / 3, 1e-9);
    EXPECT_NEAR(*found.pools[0].shares[1].after, 0.6, 1e-9);
}

TEST_F(PlanTest, of_a_removal_counts_the_connections_that_end) {
    web().real_servers.pop_back();
    const auto found = made();
    EXPECT_THAT(lines(found),
                ElementsAre("removes real server web-3 (10.11.12.3) from web (its 30 connections "
                            "end; about 33 % of new connections move)"));
    EXPECT_EQ(found.ended_connections, 30U);
    EXPECT_EQ(found.severity, Severity::ends_connections);
}

TEST_F(PlanTest, of_a_removal_knows_connections_that_go_on) {
    for (auto* configuration : {&present, &candidate})
        configuration->virtual_servers[0].removed_connections = model::RemovedConnections::keep;
    web().real_servers.pop_back();
    const auto found = made();
    EXPECT_THAT(found.changes[0].effect,
                "its 30 connections go on until they end by themselves; about 33 % of new "
                "connections move; established connections stay");
    EXPECT_EQ(found.ended_connections, 0U);
    EXPECT_EQ(found.severity, Severity::new_connections);
}

TEST_F(PlanTest, of_another_address_of_a_real_server_is_a_removal_and_an_arrival) {
    web().real_servers[0].address = net::Address::parse("10.11.12.99").value();
    const auto found = made();
    EXPECT_THAT(lines(found), ElementsAre("address of web-1: 10.11.12.1 -> 10.11.12.99 (its 10 "
                                          "connections end; about 33 % of new connections move)"));
}

TEST_F(PlanTest, of_two_changes_of_one_pool_says_what_both_do) {
    web().real_servers[0].weight = 0;
    web().real_servers[1].weight = 2;
    const auto found = made();
    ASSERT_EQ(found.changes.size(), 2U);
    for (const auto& change : found.changes) {
        EXPECT_EQ(
            change.effect,
            "together with the other changes of its pool, about 33 % of new connections move; "
            "established connections stay");
    }
}

TEST_F(PlanTest, of_a_virtual_server_that_goes_counts_all_of_its_connections) {
    candidate.virtual_servers.clear();
    const auto found = made();
    EXPECT_THAT(lines(found),
                ElementsAre("removes virtual server web (192.0.2.80 port 80/tcp) (its 60 "
                            "connections end; 192.0.2.80/24 is taken off wan0:1)"));
    EXPECT_EQ(found.ended_connections, 60U);
    EXPECT_EQ(found.severity, Severity::ends_connections);
}

TEST_F(PlanTest, of_a_new_virtual_server_says_its_address) {
    auto mail = web();
    mail.name = "mail";
    mail.port = 25;
    mail.address = net::Prefix::parse("192.0.2.25/24").value();
    candidate.virtual_servers.push_back(mail);
    const auto found = made();
    EXPECT_THAT(lines(found),
                ElementsAre("adds virtual server mail (192.0.2.25 port 25/tcp) (192.0.2.25/24 is "
                            "added to wan0:1 and announced; it serves as soon as the checks of "
                            "its real servers say that they are up)"));
    EXPECT_EQ(found.severity, Severity::new_connections);
}

TEST_F(PlanTest, of_another_virtual_address_says_what_goes_and_what_comes) {
    web().address = net::Prefix::parse("192.0.2.81/24").value();
    EXPECT_THAT(lines(made()),
                ElementsAre("address of web: 192.0.2.80/24 -> 192.0.2.81/24 (its 60 "
                            "connections end; 192.0.2.80/24 is taken off wan0:1; 192.0.2.81/24 is "
                            "added to wan0:1 and announced)"));
}

TEST_F(PlanTest, counts_connections_where_the_virtual_server_goes_and_only_there) {
    web().active = false;
    web().monitor.path = "/health";
    web().real_servers[0].weight = 5;
    const auto found = made();
    EXPECT_THAT(lines(found),
                ElementsAre("active of web: true -> false (its 60 connections end; 192.0.2.80/24 "
                            "is taken off wan0:1)",
                            "monitor.path of web: \"/\" -> \"/health\" (it is not active: nothing "
                            "changes for clients)",
                            "weight of web-1: 1 -> 5 (it is not active: nothing changes for "
                            "clients)"));
    EXPECT_EQ(found.ended_connections, 60U);
}

TEST_F(PlanTest, of_a_sorry_server_that_serves_and_goes_counts_its_connections) {
    auto& before = present.virtual_servers[0];
    before.sorry_server = {net::Address::parse("10.11.12.9").value(), {}, {}};
    before.real_servers.clear();
    candidate = present;
    web().sorry_server->address = net::Address::parse("10.11.12.8").value();
    auto now = running(present);
    now.services["web"].servers = {{{before.sorry_server->address, 80}, 1, 7, 0}};
    now.services["web"].quorum_lost = true;
    const auto found = make_plan(present, candidate, now);
    EXPECT_EQ(found.ended_connections, 7U);
    EXPECT_EQ(found.changes[0].effect,
              "of the sorry server, 7 connections end; all new connections move");
}

TEST_F(PlanTest, of_another_name_ends_nothing) {
    web().name = "www";
    web().real_servers[0].name = "first";
    const auto found = made();
    EXPECT_THAT(lines(found),
                ElementsAre("name of www: \"web\" -> \"www\" (Connections stay; the checks begin "
                            "anew)",
                            "name of first: \"web-1\" -> \"first\" (Connections stay; the checks "
                            "begin anew)"));
    EXPECT_EQ(found.severity, Severity::none);
}

TEST_F(PlanTest, of_names_that_change_places_ends_nothing) {
    auto tls = present.virtual_servers[0];
    tls.name = "tls";
    tls.port = 443;
    present.virtual_servers.push_back(tls);
    candidate = present;
    std::swap(candidate.virtual_servers[0].name, candidate.virtual_servers[1].name);
    const auto found = made();
    EXPECT_EQ(found.ended_connections, 0U);
    EXPECT_EQ(found.severity, Severity::none);
}

TEST_F(PlanTest, of_another_scheduler_leaves_connections_alone) {
    web().scheduler = model::Scheduler::sh;
    EXPECT_THAT(made().changes[0].effect, HasSubstr("established connections stay"));
    web().scheduler = model::Scheduler::lblc;
    const auto found = made();
    EXPECT_THAT(found.changes[0].effect, HasSubstr("destinations keep their real servers"));
    EXPECT_FALSE(found.changes[0].moved);
    EXPECT_EQ(found.severity, Severity::new_connections);
}

TEST_F(PlanTest, of_weights_says_who_does_not_look_at_them) {
    present = candidate = three_servers(model::Scheduler::rr);
    web().real_servers[0].weight = 7;
    const auto found = made();
    EXPECT_EQ(found.changes[0].effect,
              "rr does not look at weights; no new connection moves; established connections stay");
    EXPECT_EQ(found.severity, Severity::none);
}

TEST_F(PlanTest, of_a_hash_counts_clients) {
    present = candidate = three_servers(model::Scheduler::sh);
    web().real_servers[0].weight = 0;
    EXPECT_THAT(made().changes[0].effect,
                AllOf(HasSubstr(" of clients get another real server"),
                      HasSubstr("of new connections find no real server")));
}

TEST_F(PlanTest, of_a_server_that_is_down_moves_nothing) {
    auto now = running(present);
    auto& service = now.services["web"];
    const auto down = service.servers.back().endpoint;
    service.servers.pop_back();
    service.unusable.insert(down);
    web().real_servers[0].weight = 9;
    const auto found = make_plan(present, candidate, now);
    EXPECT_EQ(found.changes[0].effect, "it is down or out of service now; no new connection moves");
    EXPECT_EQ(found.severity, Severity::none);
    web().real_servers[0].active = false;
    EXPECT_THAT(make_plan(present, candidate, now).ended_connections, 0U);
}

TEST_F(PlanTest, keeps_what_loads_made_of_the_weights) {
    auto now = running(present);
    auto& service = now.services["web"];
    service.weight_scale = 100;
    // web-1 is loaded: half of its weight.
    for (auto& server : service.servers)
        server.weight = 100;
    service.servers.back().weight = 50;
    web().real_servers[0].weight = 2;
    web().real_servers.push_back(real_server(4));
    const auto found = make_plan(present, candidate, now);
    ASSERT_EQ(found.pools.size(), 1U);
    const auto& shares = found.pools[0].shares;
    ASSERT_EQ(shares.size(), 4U);
    EXPECT_NEAR(*shares[0].before, 0.2, 1e-9);
    EXPECT_NEAR(*shares[0].after, 0.25, 1e-9);
    EXPECT_FALSE(shares[3].before);
    EXPECT_NEAR(*shares[3].after, 0.25, 1e-9);
}

TEST_F(PlanTest, says_when_the_sorry_server_takes_over) {
    for (auto* configuration : {&present, &candidate}) {
        configuration->virtual_servers[0].sorry_server = {
            net::Address::parse("10.11.12.9").value(), {}, {}};
    }
    for (auto& server : web().real_servers)
        server.weight = 0;
    const auto found = made();
    EXPECT_THAT(found.changes[0].effect, HasSubstr("all new connections move"));
    EXPECT_EQ(found.pools[0].shares.back().real_server, "sorry server");
    EXPECT_EQ(found.pools[0].shares.back().after, 1);
}

TEST_F(PlanTest, tells_of_clients_that_persistence_binds) {
    auto now = running(present);
    for (auto& server : now.services["web"].servers)
        server.persistent_clients = 4;
    web().real_servers[0].weight = 2;
    EXPECT_THAT(make_plan(present, candidate, now).changes[0].effect,
                HasSubstr("; 12 clients bound by persistence stay where they are; "));
}

TEST_F(PlanTest, of_what_is_not_active_says_so) {
    present.virtual_servers[0].active = false;
    candidate = present;
    web().real_servers[0].weight = 5;
    web().port = 81;
    const auto found = made();
    for (const auto& change : found.changes)
        EXPECT_EQ(change.effect, "it is not active: nothing changes for clients");
    EXPECT_EQ(found.severity, Severity::none);
}

TEST_F(PlanTest, of_monitors_says_whether_a_check_begins_elsewhere) {
    web().monitor.path = "/health";
    web().real_servers[0].monitor.port = 81;
    EXPECT_THAT(lines(made()),
                ElementsAre("monitor.path of web: \"/\" -> \"/health\" (From the next check on; "
                            "connections stay)",
                            "monitor.port of web-1: not set -> 81 (From the next check on; "
                            "connections stay; it counts as before until a check there fails)"));
}

TEST_F(PlanTest, of_the_table_says_what_memory_it_takes) {
    candidate.global.table_size = 1 << 16;
    EXPECT_EQ(made().changes[0].effect,
              "connections move to the new table and stay; until they have, its 6 MB stand beside "
              "the 95 MB of the former");
    auto now = running(present);
    now.cells_used = 70'000;
    EXPECT_THAT(make_plan(present, candidate, now).changes[0].effect,
                HasSubstr("refused: 70000 cells are in use now"));
}

TEST_F(PlanTest, of_a_mark_looks_at_all_of_its_virtual_servers) {
    auto& http = present.virtual_servers[0];
    http.firewall_mark = 80;
    auto https = http;
    https.name = "https";
    https.port = 443;
    https.real_servers = {real_server(1), real_server(2)};
    present.virtual_servers.push_back(https);
    present.marks = {{80, http.address.address, model::Protocol::tcp, {80, 443}}};
    candidate = present;
    auto now = running(present);
    now.services["https"] = now.services["web"];
    candidate.virtual_servers.erase(candidate.virtual_servers.begin());
    const auto found = make_plan(present, candidate, now);
    EXPECT_EQ(found.ended_connections, 30U) << "only web-3 has left the mark";
    ASSERT_EQ(found.changes.size(), 1U);
    EXPECT_THAT(found.changes[0].effect,
                AllOf(HasSubstr("of real servers that no other one of its mark has, 30 "
                                "connections end"),
                      Not(HasSubstr("taken off"))));
    EXPECT_THAT(found.pools[0].virtual_servers, ElementsAre("https"));
}

}  // namespace
}  // namespace shoal::config
