#include "telemetry/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shoal::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

model::DirectorStatus example() {
    model::RealServerStatus server;
    server.name = "web-1";
    server.address = net::Address::parse("10.11.12.1").value();
    server.port = 80;
    server.health = model::Health::up;
    server.in_pool = true;
    server.weight_in_force = 3;
    server.active_connections = 12;
    server.counters.bytes_out = 987'654'321'012;
    model::VirtualServerStatus service;
    service.name = "web";
    service.active = true;
    service.counters.connections = 7;
    service.real_servers = {server};
    model::DirectorStatus status;
    status.name = "director \"1\"";
    status.version = "1.2.3";
    status.started_ms = 1'800'000'000'500;
    status.total.connections = 10;
    status.virtual_servers = {service};
    status.verdicts = {{"forwarded", "sent on", 42, 0}};
    return status;
}

TEST(PrometheusText, has_counters_and_gauges_with_labels) {
    const auto text = prometheus_text(example());
    EXPECT_THAT(text, HasSubstr("# TYPE shoal_connections_total counter\n"
                                "shoal_connections_total 10\n"));
    EXPECT_THAT(text,
                HasSubstr("shoal_virtual_server_connections_total{virtual_server=\"web\"} 7\n"));
    const std::string server =
        R"({virtual_server="web",real_server="web-1",address="10.11.12.1",port="80"})";
    EXPECT_THAT(text,
                HasSubstr("shoal_real_server_outgoing_bytes_total" + server + " 987654321012\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE shoal_real_server_connections_active gauge\n"
                                "shoal_real_server_connections_active" +
                                server + " 12\n"));
    EXPECT_THAT(text, HasSubstr("shoal_real_server_up" + server + " 1\n"));
    EXPECT_THAT(text, HasSubstr(R"(,port="80",state="enabled"} 1)"));
    EXPECT_THAT(text, HasSubstr(R"(shoal_info{version="1.2.3",director="director \"1\""} 1)"));
    EXPECT_THAT(text, HasSubstr("shoal_start_time_seconds 1800000000.5\n"));
    EXPECT_THAT(text, HasSubstr("shoal_packets_total{verdict=\"forwarded\"} 42\n"));
}

TEST(PrometheusText, virtual_servers_of_one_mark_are_counted_once) {
    auto status = example();
    auto& http = status.virtual_servers[0];
    http.firewall_mark = 80;
    auto https = http;
    https.name = "https";
    status.virtual_servers.push_back(https);
    auto idle = https;
    idle.name = "idle";
    idle.active = false;
    status.virtual_servers.push_back(idle);
    const auto text = prometheus_text(status);
    EXPECT_THAT(text, HasSubstr("shoal_virtual_server_connections_total{virtual_server=\"web\"}"));
    EXPECT_THAT(text,
                Not(HasSubstr("shoal_virtual_server_connections_total{virtual_server=\"https\"}")));
    EXPECT_THAT(text, HasSubstr("shoal_virtual_server_quorum_lost{virtual_server=\"https\"} 0"));
}

TEST(PrometheusText, label_values_are_escaped) {
    EXPECT_EQ(label_value("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    EXPECT_EQ(label_value("Gr\u00fc\u00dfe \u20ac \U0001F41F"),
              "Gr\u00fc\u00dfe \u20ac \U0001F41F");
    for (const std::string broken :
         {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
        EXPECT_THAT(label_value(broken), HasSubstr("\uFFFD")) << broken.size();
}

}  // namespace
}  // namespace shoal::telemetry
