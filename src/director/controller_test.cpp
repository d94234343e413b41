#include "director/controller.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>

#include "base/file.h"
#include "dataplane/fake/fake_dataplane.h"
#include "director/marks.h"
#include "director/testing.h"
#include "health/test_servers.h"
#include "net/testing_network.h"
#include "telemetry/notifier.h"

// The controller against a fake data plane, with the addresses of a real network namespace.

namespace shoal::director {
namespace {

using dataplane::FakeDataplane;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;
using testing::weights;
using Weights = std::map<int, std::uint32_t>;

constexpr std::string_view two_servers = R"(
[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "wan0:1"
[virtual_server.monitor]
type = "none"
[[virtual_server.real_server]]
name = "web-1"
address = "10.11.12.1"
[[virtual_server.real_server]]
name = "web-2"
address = "10.11.12.2"
)";

/// Remembers how many operations were applied together, and how often the counters were read.
class RecordingDataplane : public FakeDataplane {
  public:
    std::vector<Result<void>> apply_all(std::span<const dataplane::Operation> operations) override {
        batches.push_back(operations.size());
        return FakeDataplane::apply_all(operations);
    }
    std::vector<std::size_t> batches;
};

/// Keeps what is told.
class RecordingDelivery final : public telemetry::Delivery {
  public:
    RecordingDelivery(boost::asio::io_context& loop, std::vector<telemetry::Event>& told)
        : loop_(loop), told_(told) {}
    void deliver(const telemetry::Event& event, OnDone on_done) override {
        told_.push_back(event);
        boost::asio::post(loop_, [on_done = std::move(on_done)] { on_done({}); });
    }
    std::string name() const override { return "the recorder"; }

  private:
    boost::asio::io_context& loop_;
    std::vector<telemetry::Event>& told_;
};

class ControllerTest : public net::testing::TwoLinks {
  protected:
    void SetUp() override {
        std::string name = ::testing::TempDir() + "shoal-controller-XXXXXX";
        directory_ = mkdtemp(name.data());
        net::testing::run("ip address add 10.11.12.254/24 dev lan0");
        make_controller();
    }
    /// Of a shoald that finds an empty data plane, and what the one before left in its directory.
    void make_controller() {
        controller_.reset();
        auto dataplane = std::make_unique<RecordingDataplane>();
        fake_ = dataplane.get();
        history_ = std::make_unique<History>(local_disk(), directory_, configuration_file());
        controller_ = std::make_unique<Controller>(
            loop_,
            ControllerOptions{history_.get(), directory_, directory_, "1.2.3", nullptr, &notifier_},
            net::Netlink::open().value(), std::move(dataplane), [this] { stopped_ = true; });
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string configuration_file() const { return directory_ + "/shoal.toml"; }

    ChangeResult apply(std::string_view text) {
        std::optional<ChangeResult> result;
        controller_->apply({.text = std::string(text), .author = {"alice", 1000}},
                           [&](ChangeResult done) { result = std::move(done); });
        EXPECT_TRUE(run_until([&] { return result.has_value(); }));
        return result.value_or(refuse(ChangeRefused::Why::failed, "no answer"));
    }

    static model::Configuration read(std::string_view text) {
        auto netlink = net::Netlink::open().value();
        return read_configuration(text, netlink).value();
    }

    template <class Condition>
    bool run_until(Condition&& holds) {
        return net::testing::eventually([&] {
            loop_.restart();
            loop_.poll();
            return holds();
        });
    }
    std::size_t servers() const {
        const auto& services = fake_->state().services;
        return services.empty() ? 0 : services.front().servers.size();
    }
    static std::vector<redundancy::FloatingAddress> addresses(const std::string& directory) {
        return redundancy::FloatingAddresses(directory + "/kernel.json").observe().value();
    }
    std::vector<std::string> problems() { return controller_->status().value().problems; }

    boost::asio::io_context loop_;
    std::string directory_;
    RecordingDataplane* fake_ = nullptr;
    bool stopped_ = false;
    std::vector<telemetry::Event> events_;
    telemetry::Notifier notifier_{loop_, [this](const auto& /*notification*/) {
                                      return std::vector<std::shared_ptr<telemetry::Delivery>>{
                                          std::make_shared<RecordingDelivery>(loop_, events_)};
                                  }};
    std::unique_ptr<History> history_;
    std::unique_ptr<Controller> controller_;
};

TEST_F(ControllerTest, connections_move_to_another_table_turn_by_turn) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    using dataplane::Work;
    fake_->set_work({Work::more, Work::waiting, Work::more});
    ASSERT_TRUE(apply("[global]\ntable_size = 4096\n" + std::string(two_servers)));
    EXPECT_EQ(fake_->state().table_size, 4096U);
    EXPECT_TRUE(run_until([&] { return fake_->work_left() == 0; }));
    EXPECT_THAT(problems(), Each(::testing::Not(HasSubstr("table"))));
}

TEST_F(ControllerTest, a_plan_is_made_of_what_runs_and_changes_nothing) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    EXPECT_THAT(controller_->plan(two_servers).value().value().changes, IsEmpty());
    const auto plan = controller_->plan(std::string(two_servers) + "weight = 3\n").value().value();
    ASSERT_THAT(plan.changes, SizeIs(1));
    EXPECT_EQ(plan.changes[0].what, "weight of web-2: 1 -> 3");
    EXPECT_EQ(plan.changes[0].moved, 0.25);
    EXPECT_EQ(weights(fake_->state().services.front()), (Weights{{1, 1}, {2, 1}}));
    EXPECT_FALSE(controller_->plan("nonsense = 1\n").value());
}

TEST_F(ControllerTest, brings_up_what_the_configuration_says) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    EXPECT_THAT(addresses(directory_), SizeIs(1));
    EXPECT_TRUE(fake_->state().hooks.contains("wan0"));
    EXPECT_TRUE(fake_->state().hooks.contains("lan0")) << "NAT's replies come in there";
    EXPECT_EQ(fake_->next_hops().size(), 2U);
    const auto status = controller_->status().value();
    EXPECT_EQ(status.version, "1.2.3");
    EXPECT_TRUE(status.virtual_servers.at(0).real_servers.at(0).in_pool);
}

TEST_F(ControllerTest, a_real_server_found_in_its_pool_stays_until_its_checks_speak) {
    auto configuration = read(two_servers);
    configuration.virtual_servers[0].monitor.type = model::MonitorType::text;
    configuration.virtual_servers[0].service_timeout = std::chrono::milliseconds(600);
    dataplane::Service service{service_key(configuration.virtual_servers[0]), {}, {}};
    service.options.scheduler = configuration.virtual_servers[0].scheduler;
    service.servers = {{{configuration.virtual_servers[0].real_servers[0].address, 80}}};
    fake_->state().services = {service};
    ASSERT_TRUE(controller_->start({configuration}));
    EXPECT_EQ(servers(), 1U);
    // Nobody answers there.
    EXPECT_TRUE(run_until([&] { return servers() == 0; }));
}

TEST_F(ControllerTest, orders_act_at_once_and_survive_a_restart) {
    using enum model::AdministrativeState;
    auto configuration = read(two_servers);
    configuration.notifications.emplace_back().name = "everything";
    ASSERT_TRUE(controller_->start({configuration}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    const auto ordered = controller_->set_state({.real_server = "web/web-2"}, {.state = draining});
    EXPECT_EQ(ordered.value(), (health::TargetId{"web", "web-2"}));
    EXPECT_EQ(weights(fake_->state().services[0]), (Weights{{1, 1}, {2, 0}}));
    const auto is_told = [&] {
        return std::ranges::any_of(events_, [](const telemetry::Event& event) {
            return event.kind == model::EventKind::state_changed && event.real_server == "web-2" &&
                   event.reason == "draining, was enabled: an administrator said so";
        });
    };
    EXPECT_TRUE(run_until(is_told));
    make_controller();
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    EXPECT_EQ(weights(fake_->state().services[0]), (Weights{{1, 1}, {2, 0}}));
    EXPECT_EQ(controller_->status().value().virtual_servers[0].real_servers[1].state, draining);
}

TEST_F(ControllerTest, a_disabled_real_server_leaves_and_is_not_checked) {
    using enum model::AdministrativeState;
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    ASSERT_TRUE(controller_->set_state({.real_server = "web/web-2"}, {.state = disabled}));
    EXPECT_EQ(weights(fake_->state().services[0]), (Weights{{1, 1}}));
    const auto web_2 = [&] { return controller_->status()->virtual_servers[0].real_servers[1]; };
    EXPECT_EQ(web_2().health, model::Health::unknown);
    ASSERT_TRUE(controller_->set_state({.real_server = "web/web-2"}, {.state = enabled}));
    EXPECT_TRUE(run_until([&] { return servers() == 2; }));
    EXPECT_EQ(web_2().health, model::Health::up);
}

TEST_F(ControllerTest, drained_with_a_deadline_it_rests_when_no_connection_is_left) {
    using enum model::AdministrativeState;
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    ASSERT_TRUE(controller_->set_state({.real_server = "web/web-2"},
                                       {.state = draining, .deadline = std::chrono::hours(1)}));
    EXPECT_TRUE(run_until([&] {
        return controller_->status()->virtual_servers[0].real_servers[1].state == maintenance;
    }));
}

TEST_F(ControllerTest, orders_about_nobody_are_refused) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    const auto refused = controller_->set_state({.real_server = "web/web-3"}, {});
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().unknown);
}

TEST_F(ControllerTest, the_quorum_is_shown) {
    auto configuration = read(two_servers);
    configuration.virtual_servers[0].quorum = 3;
    ASSERT_TRUE(controller_->start({configuration}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    const auto web = controller_->status()->virtual_servers[0];
    EXPECT_TRUE(web.quorum_lost);
    EXPECT_EQ(web.usable, 2U);
}

TEST_F(ControllerTest, an_operation_that_fails_is_shown_and_tried_again_and_stops_nothing_else) {
    fake_->refuse([](const dataplane::Operation& operation) -> std::optional<std::string> {
        if (std::holds_alternative<dataplane::AttachHook>(operation)) return "device is busy";
        return std::nullopt;
    });
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    EXPECT_THAT(problems(),
                Contains(HasSubstr("cannot attach to device wan0 (hook auto): device is busy")));
    fake_->refuse(nullptr);
    EXPECT_TRUE(run_until([&] { return fake_->state().hooks.size() == 2; }));
    EXPECT_THAT(problems(), Not(Contains(HasSubstr("cannot attach"))));
}

TEST_F(ControllerTest, a_large_configuration_is_applied_in_batches) {
    auto configuration = read(two_servers);
    for (std::uint16_t port = 1000; port < 1300; ++port) {
        auto service = configuration.virtual_servers[0];
        service.name = fmt::format("web-{}", port);
        service.port = port;
        configuration.virtual_servers.push_back(service);
    }
    fake_->refuse([](const dataplane::Operation& operation) -> std::optional<std::string> {
        const auto* add = std::get_if<dataplane::AddServer>(&operation);
        if (add && add->server.key.to_string() == "10.11.12.2:1007") return "no memory";
        return std::nullopt;
    });
    ASSERT_TRUE(controller_->start({configuration}));
    const auto servers_of_all = [&] {
        std::size_t count = 0;
        for (const auto& service : fake_->state().services)
            count += service.servers.size();
        return count;
    };
    ASSERT_TRUE(run_until([&] { return servers_of_all() == 601; }));
    // The last service of a batch is not split.
    EXPECT_THAT(fake_->batches, Each(Le(Executor::usual_batch + 2)));
    EXPECT_THAT(fake_->batches, Contains(Ge(Executor::usual_batch)));
    EXPECT_THAT(problems(), Contains(HasSubstr("cannot add real server 10.11.12.2:1007")));
    fake_->refuse(nullptr);
    EXPECT_TRUE(run_until([&] { return servers_of_all() == 602; }));
    EXPECT_EQ(fake_->batches.back(), 1U) << "what failed is tried again alone";
}

TEST_F(ControllerTest, ports_change_hands_in_one_batch) {
    auto configuration = read(two_servers);
    auto& web = configuration.virtual_servers[0];
    web.port = {8000, 8100};
    ASSERT_TRUE(controller_->start({configuration}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    fake_->batches.clear();
    const auto text = std::string(two_servers);
    const auto place = text.find("device =");
    // Another range over the same ports, and another address.
    ASSERT_TRUE(apply(text.substr(0, place) + "port = \"8050-8200\"\n" + text.substr(place) + R"(
[[virtual_server]]
name = "other"
address = "192.0.2.81/24"
device = "wan0:2"
)"));
    EXPECT_THAT(problems(), Not(Contains(HasSubstr("cannot"))));
    ASSERT_THAT(fake_->state().services, SizeIs(2));
    EXPECT_EQ(fake_->state().services[0].key.to_string(), "tcp 192.0.2.80:8050-8200");
}

TEST_F(ControllerTest, a_signal_of_the_data_plane_brings_a_check_at_once) {
    net::testing::run("ip link set lo up");
    health::TcpServer server(loop_,
                             [](const auto& client) { health::send_in_pieces(client, "OK"); });
    auto configuration = read(two_servers);
    auto& web = configuration.virtual_servers[0];
    web.monitor.type = model::MonitorType::text;
    // Otherwise the kernel's own answer is enough, and the server is not even woken.
    web.monitor.expect = "OK";
    web.service_timeout = std::chrono::hours(1);
    web.real_servers.resize(1);
    web.real_servers[0].address = net::Address::parse("127.0.0.1").value();
    web.real_servers[0].port = server.port();
    ASSERT_TRUE(controller_->start({configuration}));
    ASSERT_TRUE(run_until([&] { return servers() == 1 && server.accepted() == 1; }));
    fake_->signal({service_key(web), server_key(web, web.real_servers[0])});
    EXPECT_TRUE(run_until([&] { return server.accepted() == 2; }));
}

TEST_F(ControllerTest, what_an_agent_does_is_told) {
    net::testing::run("ip link set lo up");
    std::string answer = "ready up # well";
    health::TcpServer agent(loop_, [&](const auto& client) {
        boost::asio::write(*client, boost::asio::buffer(answer + "\n"));
    });
    const health::TcpServer::Behaviour lets_go = [](const auto&) {};
    auto checked = std::make_unique<health::TcpServer>(loop_, lets_go);
    auto configuration = read(two_servers);
    using enum model::EventKind;
    // Not that its agent is late, as it may be on a busy machine.
    configuration.notifications.emplace_back().events = {real_server_up, real_server_down,
                                                         state_changed};
    auto& web = configuration.virtual_servers[0];
    web.monitor.type = model::MonitorType::text;
    web.monitor.send = web.monitor.expect = "";
    web.service_timeout = std::chrono::milliseconds(300);
    web.reentry_time = std::chrono::milliseconds(0);
    web.real_servers.resize(1);
    web.real_servers[0].address = net::Address::parse("127.0.0.1").value();
    web.real_servers[0].port = checked->port();
    web.load_monitor = {.tool = model::LoadTool::agent, .port = agent.port()};
    web.load_monitor.interval = std::chrono::milliseconds(100);
    ASSERT_TRUE(controller_->start({configuration}));
    const auto told = [&](std::vector<std::pair<model::EventKind, std::string>> expected) {
        const bool came = run_until([&] { return events_.size() >= expected.size(); });
        std::vector<std::pair<model::EventKind, std::string>> seen;
        for (const auto& event : events_)
            seen.emplace_back(event.kind, event.reason);
        events_.clear();
        EXPECT_EQ(seen, expected);
        return came;
    };
    ASSERT_TRUE(told({{real_server_up, ""}}));
    answer = "down # no disk";
    ASSERT_TRUE(told({{real_server_down, R"(its agent says that it is down: "no disk")"}}));
    answer = "up maint";
    ASSERT_TRUE(told({{state_changed, "maintenance, was enabled: its agent says maint"}}));
    EXPECT_EQ(controller_->health().targets[0].state, model::AdministrativeState::maintenance);
    const auto port = checked->port();
    checked.reset();
    ASSERT_TRUE(
        run_until([&] { return controller_->health().targets[0].health == model::Health::down; }));
    EXPECT_THAT(events_, IsEmpty()) << "as an administrator's maintenance is quiet";
    answer = "ready # disk";
    ASSERT_TRUE(told(
        {{state_changed, R"(enabled, was maintenance: its agent says that it is ready: "disk")"},
         {real_server_down, "connection refused"}}));
    checked = std::make_unique<health::TcpServer>(
        loop_, lets_go,
        boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
    ASSERT_TRUE(told({{real_server_up, ""}}));
}

TEST_F(ControllerTest, the_sorry_server_serves_while_no_other_can) {
    auto configuration = read(two_servers);
    auto& web = configuration.virtual_servers[0];
    web.sorry_server = {net::Address::parse("10.11.12.9").value(), {}, {}};
    web.monitor.type = model::MonitorType::text;
    // Nobody answers there.
    ASSERT_TRUE(controller_->start({configuration}));
    ASSERT_TRUE(run_until([&] { return servers() == 1; }));
    EXPECT_EQ(fake_->state().services[0].servers[0].key.to_string(), "10.11.12.9:80");
    EXPECT_TRUE(fake_->next_hops().contains(web.sorry_server->address));
    EXPECT_TRUE(controller_->status().value().virtual_servers.at(0).sorry_server->in_pool);
}

TEST_F(ControllerTest, a_restart_keeps_what_a_mark_holds) {
    auto configuration = read(two_servers);
    auto& web = configuration.virtual_servers[0];
    web.monitor.type = model::MonitorType::text;
    web.firewall_mark = 80;
    web.on_failure = model::OnFailure::drain;
    configuration.marks = {{80, web.address.address, model::Protocol::tcp, {80, 443}}};
    dataplane::Service service{service_key(web), {.scheduler = web.scheduler}, {}};
    service.options.matches = mark_matches(configuration, {.mark = 80});
    service.servers = {{.key = {web.real_servers[0].address, 0}},
                       {.key = {web.real_servers[1].address, 0}, .weight = 0}};
    fake_->state().services = {service};
    ASSERT_TRUE(controller_->start({configuration}));
    EXPECT_EQ(fake_->state().services, std::vector{service}) << "one up, one drained";
}

TEST_F(ControllerTest, next_hops_of_removed_servers_are_followed_while_connections_go_on) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    const auto kept = net::Address::parse("10.11.12.7").value();
    fake_->state().kept = {kept};
    EXPECT_TRUE(run_until([&] { return fake_->next_hops().contains(kept); })) << "self-check";
}

TEST_F(ControllerTest, rates_come_from_the_counters) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    dataplane::Statistics statistics;
    statistics.services = {{fake_->state().services[0].key, {}, {}}};
    std::uint64_t connections = 0;
    EXPECT_TRUE(run_until([&] {
        statistics.services[0].counters.connections = (connections += 1'000);
        fake_->set_statistics(statistics);
        return controller_->status().value().total_rates.connections > 0;
    }));
    const auto status = controller_->status().value();
    EXPECT_GT(status.virtual_servers.at(0).rates.connections, 0U);
}

TEST_F(ControllerTest, counters_go_into_rings) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    dataplane::Statistics statistics;
    statistics.services = {{fake_->state().services[0].key, {}, {}}};
    const RingQuestion web{.virtual_server = "web", .width = telemetry::RingWidth::ten_seconds};
    EXPECT_TRUE(run_until([&] {
        statistics.services[0].counters.connections += 7;
        fake_->set_statistics(statistics);
        const auto answer = controller_->rings(web).value();
        return !answer.cells.empty() && answer.cells.back()[telemetry::Column::connections] > 0;
    }));
    const auto nobody = controller_->rings({.virtual_server = "mail"});
    ASSERT_FALSE(nobody);
    EXPECT_TRUE(nobody.error().unknown);
}

TEST_F(ControllerTest, what_happens_is_in_the_log_of_events) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    ASSERT_TRUE(
        controller_->set_state({"web", "web-2"}, {.state = model::AdministrativeState::draining}));
    ASSERT_TRUE(apply(std::string(two_servers) + "weight = 3\n"));
    std::vector<std::string> kinds;
    for (const auto& event : controller_->events().kept())
        kinds.push_back(event.kind);
    EXPECT_THAT(kinds, ::testing::IsSupersetOf(
                           {"configuration-applied", "director-started", "state-changed"}));
    EXPECT_EQ(std::ranges::count(kinds, "configuration-applied"), 2);
    EXPECT_THAT(controller_->events().kept().back().json, HasSubstr("virtual servers: 1"));
}

TEST_F(ControllerTest, the_total_is_the_data_planes) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    dataplane::Statistics statistics;
    statistics.services = {{fake_->state().services[0].key, {.connections = 3}, {}}};
    statistics.total.connections = 10;
    fake_->set_statistics(statistics);
    EXPECT_EQ(controller_->status().value().total.connections, 10U) << "removed ones had seven";
}

TEST_F(ControllerTest, a_faulty_configuration_changes_nothing) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    fake_->forget_applied();
    const auto applied = apply("[[virtual_server]]\nname = 7\nport = 99999\n");
    ASSERT_FALSE(applied);
    EXPECT_GE(applied.error().problems.size(), 2U) << "every problem at once";
    EXPECT_THAT(fake_->applied(), IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(configuration_file()));
}

TEST_F(ControllerTest, apply_puts_a_configuration_in_force_and_keeps_it) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    const auto text = std::string(two_servers) + "weight = 0\n";
    ASSERT_TRUE(apply(text));
    EXPECT_EQ(read_file(configuration_file()).value(), text);
    EXPECT_TRUE(run_until([&] { return fake_->state().services[0].servers[0].weight == 0; }));
}

TEST_F(ControllerTest, repairs_what_others_took_away) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    net::testing::run("ip address del 192.0.2.80/24 dev wan0");
    EXPECT_TRUE(run_until([&] { return addresses(directory_).size() == 1; }));
    fake_->state().services.clear();
    EXPECT_TRUE(run_until([&] { return servers() == 2; })) << "by the self-check";
}

TEST_F(ControllerTest, an_address_of_the_administrator_is_left_alone) {
    net::testing::run("ip address add 192.0.2.80/24 dev wan0");
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    EXPECT_THAT(addresses(directory_), IsEmpty());
    EXPECT_THAT(problems(), Not(Contains(HasSubstr("cannot add address"))));
}

TEST_F(ControllerTest, says_which_real_server_it_cannot_reach) {
    net::testing::run("ip address del 10.11.12.254/24 dev lan0");
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    EXPECT_THAT(problems(), Contains(HasSubstr("no route to real server 10.11.12.1:80")));
}

TEST_F(ControllerTest, checks_to_the_virtual_address_leave_where_the_real_servers_are) {
    std::string text(two_servers);
    const std::string_view unchecked = "type = \"none\"";
    text.replace(text.find(unchecked), unchecked.size(),
                 "type = \"text\"\nto = \"virtual-address\"");
    text = "[global]\nnetwork_type = \"direct\"\n" + text;
    ASSERT_TRUE(controller_->start({read(text)}));
    const auto& ways = fake_->check_ways();
    EXPECT_TRUE(ways.places().ipv4 && !ways.places().ipv6);
    EXPECT_THAT(ways.places().devices, Contains("lan0"));
    fake_->check_ways().refuse(fail("no room"));
    ASSERT_TRUE(apply(text));
    EXPECT_THAT(problems(), Contains(HasSubstr("no room")));
    ASSERT_TRUE(apply(two_servers));
    EXPECT_FALSE(ways.places().any());
}

TEST_F(ControllerTest, a_failed_read_takes_no_server_out) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    fake_->fail_observe("out of memory");
    fake_->forget_applied();
    const auto applied = apply(std::string(two_servers) + "weight = 7\n");
    ASSERT_FALSE(applied);
    EXPECT_THAT(applied.error().failures, Contains(HasSubstr("out of memory")));
    fake_->fail_observe(std::nullopt);
    ASSERT_TRUE(run_until([&] {
        return ::testing::Matches(Each(::testing::Not(HasSubstr("out of memory"))))(problems());
    }));
    EXPECT_EQ(servers(), 2U);
    EXPECT_THAT(fake_->applied(), IsEmpty()) << "the former weight is in force";
}

TEST_F(ControllerTest, stop_leaves_nothing_behind) {
    ASSERT_TRUE(controller_->start({read(two_servers)}));
    ASSERT_TRUE(run_until([&] { return servers() == 2; }));
    ASSERT_TRUE(controller_->stop());
    EXPECT_TRUE(stopped_);
    EXPECT_TRUE(fake_->withdrawn());
    EXPECT_THAT(addresses(directory_), IsEmpty());
}

}  // namespace
}  // namespace shoal::director
