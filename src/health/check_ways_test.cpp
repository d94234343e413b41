#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "dataplane/fake/fake_check_ways.h"
#include "health/check.h"
#include "health/check_tools.h"
#include "health/exchange.h"
#include "health/health_monitor.h"
#include "health/test_servers.h"

// Checks that go to the virtual address, as far as they are asked here: the fake leads nobody
// anywhere, so that the server on loopback answers.

namespace shoal::health {
namespace {

using model::ForwardingMethod;
using model::Health;
using ::testing::HasSubstr;

const net::Address here = net::Address::parse("127.0.0.1").value();
const net::Address there = net::Address::parse("192.0.2.80").value();

class CheckWays : public ::testing::Test {
  protected:
    Question question(std::uint16_t port) const {
        Question made;
        made.address = here;
        made.port = port;
        made.monitor.expect = "OK";
        made.way = dataplane::ClientWay{there, ForwardingMethod::direct};
        return made;
    }
    CheckResult check(const Question& what, CheckTools& tools) {
        std::optional<CheckResult> result;
        transcript_ = std::make_shared<Transcript>();
        const Check check(
            tools, std::make_shared<const Question>(what), milliseconds(30'000),
            [&](const CheckResult& is) { result = is; }, transcript_);
        EXPECT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
        return result.value();
    }
    TcpServer::Behaviour saying(std::string text) {
        return [text = std::move(text)](const TcpServer::Connection& connection) {
            boost::system::error_code ignored;  // a check may be given up meanwhile
            asio::write(*connection, asio::buffer(text), ignored);
        };
    }

    asio::io_context loop_;
    dataplane::FakeCheckWays ways_;
    CheckTools tools_{loop_, nullptr, &ways_};
    std::shared_ptr<Transcript> transcript_;
};

TEST_F(CheckWays, a_check_that_went_there_counts) {
    const TcpServer server(loop_, saying("OK"));
    EXPECT_EQ(check(question(server.port()), tools_).outcome, Outcome::answered);
    EXPECT_EQ(ways_.leads(), 1U);
    EXPECT_EQ(ways_.last().virtual_address, there);
    EXPECT_EQ(ways_.under_way(), 0U);
    EXPECT_THAT(transcript_->lines.at(0).text,
                HasSubstr("connecting to 192.0.2.80 on 127.0.0.1 by direct routing, port "));
}

TEST_F(CheckWays, an_answer_from_elsewhere_says_nothing) {
    const TcpServer server(loop_, saying("OK"));
    ways_.set_packets(0);
    const auto result = check(question(server.port()), tools_);
    EXPECT_EQ(result.outcome, Outcome::not_asked);
    EXPECT_THAT(result.reason, HasSubstr("did not go to the virtual address 192.0.2.80"));
}

TEST_F(CheckWays, neither_does_a_refusal_or_a_wrong_answer_from_elsewhere) {
    const TcpServer server(loop_, saying("NO"));
    ways_.set_packets(0);
    EXPECT_EQ(check(question(server.port()), tools_).outcome, Outcome::not_asked);
    const ClosedPort closed(loop_);
    EXPECT_EQ(check(question(closed.port()), tools_).outcome, Outcome::not_asked);
}

TEST_F(CheckWays, a_failure_says_where_it_was_seen) {
    const TcpServer server(loop_, saying("NO"));
    const auto result = check(question(server.port()), tools_);
    EXPECT_EQ(result.outcome, Outcome::failed);
    EXPECT_THAT(result.reason, HasSubstr(", asked at the virtual address 192.0.2.80"));
}

TEST_F(CheckWays, who_is_led_nowhere_asks_nobody) {
    int connections = 0;
    const TcpServer server(loop_, [&](const TcpServer::Connection&) { ++connections; });
    ways_.refuse(fail("no room"));
    EXPECT_THAT(check(question(server.port()), tools_).reason,
                HasSubstr("the director cannot check: no room"));
    CheckTools without(loop_);
    EXPECT_EQ(check(question(server.port()), without).outcome, Outcome::not_asked);
    EXPECT_EQ(connections, 0);
}

TEST_F(CheckWays, a_check_that_is_given_up_is_ended) {
    const TcpServer server(loop_, [](const TcpServer::Connection&) {});
    {
        const Check check(tools_, std::make_shared<const Question>(question(server.port())),
                          milliseconds(30'000), [](const CheckResult&) {});
        EXPECT_EQ(ways_.under_way(), 1U);
    }
    EXPECT_EQ(ways_.under_way(), 0U);
}

TEST_F(CheckWays, each_virtual_address_is_asked_for_itself) {
    const TcpServer server(loop_, saying("OK"));
    std::map<TargetId, Health> reported;
    HealthMonitor monitor(
        loop_, [&](const TargetId& id, const Verdict& verdict) { reported[id] = verdict.health; },
        nullptr, &ways_);
    Target web{.id = {"web", "server-1"},
               .address = here,
               .port = server.port(),
               .monitor = {},
               .service_timeout = milliseconds(30'000),
               .interval = milliseconds(10'000),
               .timeout = milliseconds(10'000),
               .way = dataplane::ClientWay{there, ForwardingMethod::direct}};
    web.monitor.expect = "OK";
    auto same = web;
    same.id.virtual_server = "same";
    auto other = web;
    other.id.virtual_server = "other";
    other.way->virtual_address = net::Address::parse("192.0.2.81").value();
    monitor.set_targets({web, same, other}, {});
    EXPECT_TRUE(run_until(loop_, [&] { return reported.size() == 3; }));
    EXPECT_EQ(server.accepted(), 2);
    EXPECT_EQ(reported.at(other.id), Health::up);
}

}  // namespace
}  // namespace shoal::health
