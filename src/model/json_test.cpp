#include "model/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace shoal::model {
namespace {

TEST(Json, has_the_keys_and_forms_of_the_file) {
    Configuration configuration;
    configuration.global.nat_router = {net::Prefix::parse("10.11.12.254/24").value(),
                                       {"lan0", "lan0:1"}};
    VirtualServer service;
    service.name = "web";
    service.address = net::Prefix::parse("192.0.2.80/24").value();
    service.device = {"wan0", "wan0:1"};
    service.monitor.send = "QUIT\r\n";
    auto& server = service.real_servers.emplace_back();
    server.name = "web-1";
    server.port = 8080;
    configuration.virtual_servers = {service};

    const auto json = to_json(configuration);
    EXPECT_EQ(json["global"]["nat_router"]["device"], "lan0:1");
    EXPECT_EQ(json["global"]["network_type"], "nat");
    EXPECT_EQ(json["global"]["timeouts"]["established"], "15m");
    const auto& web = json["virtual_server"][0];
    EXPECT_EQ(web["address"], "192.0.2.80/24");
    EXPECT_EQ(web["scheduler"], "wlc");
    EXPECT_EQ(web["service_timeout"], "6s");
    EXPECT_EQ(web["monitor"]["send"], R"(QUIT\r\n)");
    EXPECT_FALSE(web["monitor"].contains("interval"));
    EXPECT_EQ(web["real_server"][0]["port"], 8080);
    EXPECT_EQ(web["real_server"][0]["active"], true);
}

TEST(Json, has_lists_and_masks_as_the_file_does) {
    Configuration configuration;
    configuration.marks = {{80,
                            net::Address::parse("192.0.2.80").value(),
                            Protocol::tcp,
                            {PortRange(80), PortRange(8000, 8100)}}};
    VirtualServer service;
    service.port = {};
    service.firewall_mark = 80;
    service.scheduler = Scheduler::sh;
    service.scheduler_flags = {SchedulerFlag::sh_port};
    service.persistence = milliseconds{300'000};
    service.persistence_netmask = NetworkMask{24};
    service.sorry_server = SorryServer{net::Address::parse("10.0.0.9").value(), {}, {}};
    service.deny = {net::Prefix::parse("10.0.0.0/8").value()};
    configuration.virtual_servers = {service};

    const auto json = to_json(configuration);
    EXPECT_EQ(json["mark"][0]["ports"], (nlohmann::json{80, "8000-8100"}));
    const auto& web = json["virtual_server"][0];
    EXPECT_EQ(web["port"], 0);
    EXPECT_EQ(web["firewall_mark"], 80);
    EXPECT_EQ(web["scheduler_flags"], (nlohmann::json{"sh-port"}));
    EXPECT_EQ(web["persistence"], "5m");
    EXPECT_EQ(web["persistence_netmask"], 24);
    EXPECT_EQ(web["sorry_server"], (nlohmann::json{{"address", "10.0.0.9"}}));
    EXPECT_EQ(web["allow"], nlohmann::json::array());
    EXPECT_EQ(web["deny"], (nlohmann::json{"10.0.0.0/8"}));
    EXPECT_EQ(web["on_failure"], "remove");
}

}  // namespace
}  // namespace shoal::model
