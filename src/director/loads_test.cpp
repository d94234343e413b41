#include "director/loads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "director/loads_text.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using health::AgentState;
using model::AdministrativeState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::two_servers;

const health::TargetId first{"web", "web-1"};
const health::TargetId second{"web", "web-2"};

model::Configuration monitored(model::LoadTool tool) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].load_monitor.tool = tool;
    return configuration;
}

health::LoadView with_agent(AgentState agent) {
    health::LoadView loads;
    loads[first].agent = agent;
    loads[first].agent_reason = R"("no disk")";
    return loads;
}

TEST(Loads, are_watched_where_there_is_a_load_monitor) {
    EXPECT_THAT(load_targets(two_servers()), IsEmpty());
    auto configuration = monitored(model::LoadTool::rup);
    const auto targets = load_targets(configuration);
    ASSERT_EQ(targets.size(), 2U);
    EXPECT_EQ(targets[0].id, first);
    EXPECT_EQ(targets[0].port, 0) << "the portmapper knows";
    configuration.virtual_servers[0].real_servers[0].active = false;
    EXPECT_EQ(load_targets(configuration).size(), 1U);
    configuration.virtual_servers[0].active = false;
    EXPECT_THAT(load_targets(configuration), IsEmpty());
}

TEST(Loads, are_asked_by_http_at_the_check_port) {
    auto configuration = monitored(model::LoadTool::http);
    EXPECT_EQ(load_targets(configuration)[0].port, 80);
    configuration.virtual_servers[0].load_monitor.port = 8079;
    EXPECT_EQ(load_targets(configuration)[0].port, 8079);
}

TEST(Loads, become_factors) {
    health::LoadView loads;
    loads[first].per_mille = 400;
    EXPECT_EQ(load_factors(loads), (WeightFactors{{first, 400}}));
}

TEST(Loads, of_agents_hold_like_orders) {
    EXPECT_THAT(with_wishes({}, with_agent(AgentState::ready)), IsEmpty());
    EXPECT_EQ(with_wishes({}, with_agent(AgentState::drain)),
              (StateView{{first, AdministrativeState::draining}}));
    EXPECT_EQ(with_wishes({}, with_agent(AgentState::maintenance)),
              (StateView{{first, AdministrativeState::maintenance}}));
    const StateView ordered{{first, AdministrativeState::disabled},
                            {second, AdministrativeState::draining}};
    EXPECT_EQ(with_wishes(ordered, with_agent(AgentState::drain)), ordered);
}

TEST(Loads, of_an_agent_that_is_down_take_its_server_down) {
    const health::HealthView up{{first, {model::Health::up, "", 5}}};
    const auto seen = with_agents(up, with_agent(AgentState::down)).at(first);
    EXPECT_EQ(seen.health, model::Health::down);
    EXPECT_EQ(seen.reason, R"(its agent says that it is down: "no disk")");
    EXPECT_EQ(with_agents(up, with_agent(AgentState::ready)).at(first).health, model::Health::up);
    const health::HealthView down{{first, {model::Health::down, "connection refused", 5}}};
    EXPECT_EQ(with_agents(down, with_agent(AgentState::down)).at(first).reason,
              "connection refused");
    EXPECT_THAT(with_agents({}, with_agent(AgentState::down)), IsEmpty());
}

TEST(Loads, that_are_lost_are_problems) {
    health::LoadView loads;
    loads[first].problem = "connection refused";
    EXPECT_THAT(load_problems(loads), IsEmpty()) << "once is nothing";
    loads[first].lost = true;
    EXPECT_THAT(load_problems(loads),
                ElementsAre("the load of web-1 of web is not known, its weight is the file's: "
                            "connection refused"));
}

health::LoadMemories some_memories() {
    return {{first,
             {.address = testing::address("10.11.12.1"),
              .tool = model::LoadTool::agent,
              .per_mille = 400,
              .agent = {.up = false,
                        .wish = health::AgentWish::maintenance,
                        .reason = R"("the disk is \xff full")"}}}};
}

TEST(Loads, are_written_and_read_again) {
    EXPECT_EQ(parse_loads(loads_text(some_memories())).value(), some_memories());
    EXPECT_EQ(parse_loads(loads_text({})).value(), health::LoadMemories{});
}

TEST(Loads, of_a_damaged_file_are_refused) {
    const auto good = loads_text(some_memories());
    for (const auto& [from, to] :
         std::vector<std::pair<std::string, std::string>>{{"\"maint\"", "\"rest\""},
                                                          {"\"agent\"", "\"spy\""},
                                                          {"10.11.12.1", "10.11.12"},
                                                          {"400", "-1"},
                                                          {"400", "4000000000"},
                                                          {"400", "4.5"},
                                                          {"false", "0"},
                                                          {"\"loads\"", "\"other\""},
                                                          {"]", ""}}) {
        auto bad = good;
        ASSERT_NE(bad.find(from), std::string::npos);
        bad.replace(bad.find(from), from.size(), to);
        EXPECT_FALSE(parse_loads(bad)) << bad;
    }
}

class LoadsOverRestarts : public ::testing::Test {
  protected:
    void TearDown() override { std::filesystem::remove_all(directory_); }
    static std::string new_directory() {
        std::string name = ::testing::TempDir() + "shoal-loads-XXXXXX";
        return mkdtemp(name.data());
    }
    std::unique_ptr<Loads> begin() {
        return std::make_unique<Loads>(
            loop_, file_, nullptr,
            Loads::Listener{.tell = [](const Event&) {},
                            .agent_changed = [](const auto&, auto, const auto&) {},
                            .changed = [] {}});
    }

    std::string directory_ = new_directory();
    std::string file_ = directory_ + "/loads.json";
    boost::asio::io_context loop_;
};

TEST_F(LoadsOverRestarts, agents_and_factors_hold) {
    ASSERT_TRUE(write_file(file_, loads_text(some_memories())));
    const auto configuration = monitored(model::LoadTool::agent);
    for (int restart = 0; restart < 2; ++restart) {
        const auto loads = begin();
        loads->follow(configuration);
        EXPECT_EQ(loads->view().at(first).agent, AgentState::maintenance);
        EXPECT_EQ(loads->view().at(first).per_mille, 400U);
        EXPECT_EQ(loads->view().at(second).agent, AgentState::ready);
        loads->follow(configuration);
        EXPECT_EQ(loads->view().at(first).agent, AgentState::maintenance);
    }
    EXPECT_EQ(parse_loads(read_file(file_).value()).value(), some_memories());
    begin()->follow(two_servers());
    EXPECT_EQ(parse_loads(read_file(file_).value()).value(), health::LoadMemories{})
        << "what is no longer in the configuration is forgotten";
}

TEST_F(LoadsOverRestarts, hold_over_the_directors_withdrawal) {
    ASSERT_TRUE(write_file(file_, loads_text(some_memories())));
    const auto loads = begin();
    loads->follow(monitored(model::LoadTool::agent));
    loads->stop();
    EXPECT_EQ(parse_loads(read_file(file_).value()).value(), some_memories());
}

TEST_F(LoadsOverRestarts, a_damaged_file_stops_nothing) {
    ASSERT_TRUE(write_file(file_, "nonsense"));
    const auto loads = begin();
    loads->follow(monitored(model::LoadTool::agent));
    EXPECT_EQ(loads->view().at(first).agent, AgentState::ready);
}

}  // namespace
}  // namespace shoal::director
