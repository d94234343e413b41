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
    service.real_servers = {
        {"web-1", net::Address::parse("10.11.12.1").value(), 8080, 3, true, {}}};
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

}  // namespace
}  // namespace shoal::model
