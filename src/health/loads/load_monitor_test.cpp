#include "health/loads/load_monitor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "health/loads/rwho.h"
#include "health/test_servers.h"

namespace shoal::health {
namespace {

using model::LoadTool;

const TargetId web{"www", "web-1"};
const TargetId other{"shop", "web-1"};

LoadTarget target(const TargetId& id, LoadTool tool, std::uint16_t port) {
    LoadTarget target{.id = id,
                      .address = *net::Address::parse("127.0.0.1"),
                      .port = port,
                      .monitor = {},
                      .service_port = 80,
                      .virtual_address = *net::Address::parse("192.0.2.1")};
    target.monitor.tool = tool;
    target.monitor.interval = milliseconds(100);
    return target;
}

class LoadMonitorsTest : public testing::Test {
  protected:
    TargetLoad load_of(const TargetId& id) { return monitors_.view().at(id); }
    bool waits_for(const std::function<bool()>& condition) { return run_until(loop_, condition); }
    bool load_comes(const TargetId& id) {
        return waits_for([&] { return load_of(id).load.has_value(); });
    }
    /// Others may come before: on a busy machine an answer is late.
    bool problem_comes(const TargetId& id, const std::string& words) {
        return waits_for([&] { return load_of(id).problem == words; });
    }

    asio::io_context loop_;
    std::vector<TargetId> changed_;
    LoadMonitors monitors_{
        loop_, nullptr, [this](const TargetId& id, const TargetLoad&) { changed_.push_back(id); }};
};

/// Says `text`, whatever it is asked, and ends the connection.
TcpServer::Behaviour says(const std::string& text) {
    return [&text](TcpServer::Connection connection) {
        // Who asked may have given up.
        boost::system::error_code ignored;
        asio::write(*connection, asio::buffer(text), ignored);
        connection->shutdown(tcp::socket::shutdown_send, ignored);
        // Until the other side is done, so that it is no reset.
        auto rest = std::make_shared<std::array<char, 4096>>();
        connection->async_read_some(asio::buffer(*rest),
                                    [connection, rest](boost::system::error_code, std::size_t) {});
    };
}

TEST_F(LoadMonitorsTest, reads_a_load_by_http) {
    const std::string answer = "HTTP/1.0 200 OK\r\n\r\nnode_load1 0.25\n";
    TcpServer server(loop_, says(answer));
    auto asks = target(web, LoadTool::http, server.port());
    asks.monitor.value = "node_load1";
    monitors_.set_targets({asks});
    EXPECT_EQ(load_of(web).per_mille, full_factor);
    ASSERT_TRUE(load_comes(web));
    EXPECT_EQ(load_of(web).load, 0.25);
    EXPECT_EQ(load_of(web).problem, "");
}

TEST_F(LoadMonitorsTest, asks_again_and_again) {
    const std::string answer = "HTTP/1.0 200 OK\r\n\r\n1\n";
    TcpServer server(loop_, says(answer));
    monitors_.set_targets({target(web, LoadTool::http, server.port())});
    EXPECT_TRUE(waits_for([&] { return server.accepted() >= 5; }));
}

TEST_F(LoadMonitorsTest, does_at_once_what_an_agent_says) {
    std::string answer = "50%\n";
    TcpServer server(loop_, says(answer));
    monitors_.set_targets({target(web, LoadTool::agent, server.port())});
    const auto becomes = [&](AgentState agent, std::uint32_t per_mille) {
        return waits_for(
            [&] { return load_of(web).agent == agent && load_of(web).per_mille == per_mille; });
    };
    ASSERT_TRUE(becomes(AgentState::ready, 500));
    EXPECT_TRUE(waits_for([&] { return !changed_.empty() && changed_.front() == web; }));
    answer = "drain 60%\n";
    ASSERT_TRUE(becomes(AgentState::drain, 600));
    answer = "70%\n";
    ASSERT_TRUE(becomes(AgentState::drain, 700));
    answer = "ready down 70%\n";
    ASSERT_TRUE(becomes(AgentState::down, 700));
    answer = "maint 70%\n";
    ASSERT_TRUE(becomes(AgentState::maintenance, 700));
    answer = "ready up 75%\n";
    ASSERT_TRUE(becomes(AgentState::ready, 750));
}

TEST_F(LoadMonitorsTest, keeps_an_agents_wish_when_the_agent_goes) {
    std::string answer = "maint 50%\n";
    auto server = std::make_unique<TcpServer>(loop_, says(answer));
    monitors_.set_targets({target(web, LoadTool::agent, server->port())});
    ASSERT_TRUE(waits_for([&] { return load_of(web).agent == AgentState::maintenance; }));
    server.reset();
    ASSERT_TRUE(problem_comes(web, "connection refused"));
    ASSERT_TRUE(waits_for([&] { return load_of(web).lost; }));
    EXPECT_TRUE(waits_for([&] { return load_of(web).per_mille == full_factor; }));
    EXPECT_EQ(load_of(web).agent, AgentState::maintenance);
}

TEST_F(LoadMonitorsTest, reports_absurd_answers_and_changes_nothing) {
    const std::string answer = "HTTP/1.0 200 OK\r\n\r\n-5\n";
    TcpServer server(loop_, says(answer));
    monitors_.set_targets({target(web, LoadTool::http, server.port())});
    ASSERT_TRUE(problem_comes(web, "-5 cannot be a load"));
    EXPECT_FALSE(load_of(web).load);
    EXPECT_EQ(load_of(web).per_mille, full_factor);
}

TEST_F(LoadMonitorsTest, says_that_a_load_is_lost_after_three_intervals) {
    ClosedPort closed(loop_);
    monitors_.set_targets({target(web, LoadTool::http, closed.port())});
    ASSERT_TRUE(problem_comes(web, "connection refused"));
    ASSERT_TRUE(waits_for([&] { return !changed_.empty(); }));
    EXPECT_TRUE(load_of(web).lost);
    EXPECT_GE(load_of(web).age, milliseconds(300));
}

TEST_F(LoadMonitorsTest, gives_up_on_endless_and_on_slow_answers) {
    const std::string endless(2000, 'x');
    TcpServer server(loop_, says(endless));
    monitors_.set_targets({target(web, LoadTool::agent, server.port())});
    EXPECT_TRUE(problem_comes(web, "the answer is longer than 1024 bytes"));
    TcpServer::Connection kept;
    TcpServer silent(loop_, [&](TcpServer::Connection connection) { kept = connection; });
    monitors_.set_targets({target(other, LoadTool::agent, silent.port())});
    EXPECT_TRUE(problem_comes(other, "no whole answer within 50 ms"));
}

TEST_F(LoadMonitorsTest, asks_once_for_all_that_want_to_know) {
    // Each answer is another one.
    int answers = 0;
    TcpServer server(loop_, [&](TcpServer::Connection connection) {
        const auto answer = "HTTP/1.0 200 OK\r\n\r\n" + std::to_string(++answers);
        says(answer)(connection);
    });
    auto wide = target(other, LoadTool::http, server.port());
    wide.monitor.normal_load = 1'000'000;
    monitors_.set_targets({target(web, LoadTool::http, server.port()), wide});
    ASSERT_TRUE(waits_for([&] { return load_of(web).load > 3; }));
    EXPECT_EQ(load_of(web).load, load_of(other).load);
    EXPECT_TRUE(waits_for([&] { return load_of(other).per_mille > load_of(web).per_mille; }));
}

TEST_F(LoadMonitorsTest, keeps_load_and_factor_over_an_edit_of_something_else) {
    std::string answer = "40%\n";
    TcpServer server(loop_, says(answer));
    const auto asks = target(web, LoadTool::agent, server.port());
    monitors_.set_targets({asks});
    ASSERT_TRUE(waits_for([&] { return load_of(web).per_mille == 400; }));
    auto edited = asks;
    edited.monitor.normal_load = 7;
    monitors_.set_targets({edited, target(other, LoadTool::none, 0)});
    EXPECT_EQ(load_of(web).per_mille, 400U);
    EXPECT_EQ(monitors_.view().size(), 1U);
    monitors_.set_targets({});
    EXPECT_TRUE(monitors_.view().empty());
}

TEST_F(LoadMonitorsTest, keeps_an_agents_words_over_an_edit_of_how_it_is_asked) {
    std::string answer = "maint 40% # the disk is \x1b full\n";
    TcpServer server(loop_, says(answer));
    const auto asks = target(web, LoadTool::agent, server.port());
    monitors_.set_targets({asks});
    ASSERT_TRUE(waits_for([&] { return load_of(web).agent == AgentState::maintenance; }));
    ClosedPort closed(loop_);
    auto edited = target(web, LoadTool::agent, closed.port());
    edited.monitor.interval = milliseconds(60'000);
    monitors_.set_targets({edited});
    EXPECT_EQ(load_of(web).agent, AgentState::maintenance);
    EXPECT_EQ(load_of(web).agent_reason, R"("the disk is \x1b full")");
    EXPECT_EQ(load_of(web).per_mille, 400U);
    monitors_.set_targets({target(web, LoadTool::http, closed.port())});
    EXPECT_EQ(load_of(web).agent, AgentState::ready) << "of its former agent nothing holds";
}

TEST_F(LoadMonitorsTest, begins_where_another_process_was) {
    std::string answer = "down 40%\n";
    TcpServer server(loop_, says(answer));
    const auto asks = target(web, LoadTool::agent, server.port());
    monitors_.set_targets({asks, target(other, LoadTool::http, server.port())});
    ASSERT_TRUE(waits_for([&] { return load_of(web).per_mille == 400; }));
    const auto memories = monitors_.memories();
    EXPECT_EQ(memories.size(), 1U) << "of the other there is nothing to remember";

    ClosedPort closed(loop_);
    const auto silent = target(web, LoadTool::agent, closed.port());
    std::vector<TargetLoad> told;
    LoadMonitors later(loop_, nullptr,
                       [&](const TargetId&, const TargetLoad& load) { told.push_back(load); });
    later.set_targets({silent}, memories);
    EXPECT_EQ(later.view().at(web).agent, AgentState::down);
    EXPECT_EQ(later.view().at(web).per_mille, 400U);
    ASSERT_TRUE(waits_for([&] { return !told.empty(); }));
    EXPECT_TRUE(told.front().lost) << "that it is down was told before";
    EXPECT_EQ(later.memories().at(web).agent, memories.at(web).agent);

    auto elsewhere = silent;
    elsewhere.address = *net::Address::parse("127.0.0.2");
    LoadMonitors changed(loop_, nullptr, [](const TargetId&, const TargetLoad&) {});
    changed.set_targets({elsewhere}, memories);
    EXPECT_EQ(changed.view().at(web).agent, AgentState::ready);
    EXPECT_EQ(changed.view().at(web).per_mille, full_factor);
}

TEST_F(LoadMonitorsTest, says_that_no_programs_can_be_run) {
    auto asks = target(web, LoadTool::program, 0);
    asks.monitor.program = {"/bin/load", "%h"};
    monitors_.set_targets({asks});
    EXPECT_TRUE(problem_comes(web, "programs cannot be run here"));
}

std::string rwho_packet(std::uint8_t load_in_hundredths) {
    std::string packet(60, '\0');
    packet[0] = packet[1] = 1;
    packet[47] = static_cast<char>(load_in_hundredths);
    return packet;
}

/// A port that nobody listens to: it was just free.
std::uint16_t free_port(asio::io_context& loop) {
    udp::socket socket(loop, udp::endpoint(asio::ip::address_v4::loopback(), 0));
    return socket.local_endpoint().port();
}

TEST_F(LoadMonitorsTest, hears_rwhod_of_many_by_one_socket) {
    const auto port = free_port(loop_);
    auto first = target(web, LoadTool::ruptime, port);
    first.address = *net::Address::parse("127.0.0.2");
    auto second = target(other, LoadTool::ruptime, port);
    second.address = *net::Address::parse("127.0.0.3");
    monitors_.set_targets({first, second});
    const auto send_from = [&](const char* address, const std::string& packet,
                               std::uint16_t from_port) {
        udp::socket socket(loop_, udp::v4());
        socket.set_option(udp::socket::reuse_address(true));
        socket.bind(udp::endpoint(asio::ip::make_address(address), from_port));
        boost::system::error_code ignored;
        socket.send_to(asio::buffer(packet), {asio::ip::address_v4::loopback(), port}, 0, ignored);
    };
    EXPECT_TRUE(waits_for([&] {
        send_from("127.0.0.2", rwho_packet(150), port);
        send_from("127.0.0.3", rwho_packet(50), port);
        send_from("127.0.0.4", rwho_packet(99), port);
        send_from("127.0.0.2", "nonsense", port);
        // Anybody may send from such a port.
        send_from("127.0.0.2", rwho_packet(200), 0);
        return load_of(web).load && load_of(other).load;
    }));
    EXPECT_EQ(load_of(web).load, 1.5);
    EXPECT_EQ(load_of(other).load, 0.5);
}

TEST_F(LoadMonitorsTest, says_that_a_port_is_taken) {
    udp::socket taken(loop_, udp::endpoint(udp::v4(), 0));
    const auto port = taken.local_endpoint().port();
    monitors_.set_targets({target(web, LoadTool::ruptime, port)});
    EXPECT_EQ(load_of(web).problem, "the director cannot listen to UDP port " +
                                        std::to_string(port) + ": Address already in use");
}

TEST_F(LoadMonitorsTest, of_failing_servers_disturb_no_others) {
    const std::string answer = "HTTP/1.0 200 OK\r\n\r\n1\n";
    TcpServer server(loop_, says(answer));
    ClosedPort closed(loop_);
    FullPort full(loop_);
    std::vector<LoadTarget> targets{target(web, LoadTool::http, server.port())};
    for (int i = 0; i < 50; ++i) {
        const std::string name = "dead-" + std::to_string(i);
        targets.push_back(
            target({"www", name}, LoadTool::http, i % 2 == 0 ? closed.port() : full.port()));
        targets.back().monitor.path = "/" + name;
    }
    monitors_.set_targets(targets);
    EXPECT_TRUE(load_comes(web));
    EXPECT_TRUE(problem_comes({"www", "dead-0"}, "connection refused"));
    EXPECT_TRUE(problem_comes({"www", "dead-1"}, "no whole answer within 50 ms"));
}

}  // namespace
}  // namespace shoal::health
