#include "api/connection_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/fake_control.h"

namespace shoal::api {
namespace {

using ::testing::HasSubstr;

TEST(Endpoint, port_and_brackets_are_optional) {
    const auto v4 = *net::Address::parse("192.0.2.80");
    const auto v6 = *net::Address::parse("2001:db8::1");
    EXPECT_EQ(*Endpoint::parse("192.0.2.80"), (Endpoint{v4, {}}));
    EXPECT_EQ(*Endpoint::parse("192.0.2.80:80"), (Endpoint{v4, 80}));
    EXPECT_EQ(*Endpoint::parse("2001:db8::1"), (Endpoint{v6, {}}));
    EXPECT_EQ(*Endpoint::parse("[2001:db8::1]"), (Endpoint{v6, {}}));
    EXPECT_EQ(*Endpoint::parse("[2001:db8::1]:65535"), (Endpoint{v6, 65535}));
}

TEST(Endpoint, what_is_broken_is_refused) {
    for (const auto* broken :
         {"", ":", ":80", "web:80", "192.0.2.80:", "192.0.2.80:65536", "192.0.2.80:-1",
          "192.0.2.80:80:80", "192.0.2.80:8o", "[192.0.2.80]:80", "[2001:db8::1", "2001:db8::1]:80",
          "[]:80", "[2001:db8::1]80"})
        EXPECT_FALSE(Endpoint::parse(broken).has_value()) << broken;
}

TEST(ConnectionQuery, nothing_asked_matches_everything) {
    const auto query = ConnectionQuery::parse({});
    ASSERT_TRUE(query.has_value());
    EXPECT_TRUE(query->matches(test::connection_from("192.0.2.7", 40000)));
    EXPECT_EQ(query->limit, ConnectionQuery::default_limit);
    EXPECT_EQ(query->from, 0U);
}

TEST(ConnectionQuery, each_parameter_must_agree) {
    const auto connection = test::connection_from("192.0.2.7", 40000);
    const auto matches = [&](const std::string& name, const std::string& value) {
        const auto query = ConnectionQuery::parse({{name, value}});
        EXPECT_TRUE(query.has_value()) << name << "=" << value;
        return query && query->matches(connection);
    };
    EXPECT_TRUE(matches("client", "192.0.2.7"));
    EXPECT_TRUE(matches("client", "192.0.2.7:40000"));
    EXPECT_FALSE(matches("client", "192.0.2.7:40001"));
    EXPECT_FALSE(matches("client", "192.0.2.8"));
    EXPECT_TRUE(matches("virtual", "192.0.2.80:80"));
    EXPECT_FALSE(matches("virtual", "192.0.2.80:81"));
    EXPECT_TRUE(matches("real", "10.11.12.1:8080"));
    EXPECT_FALSE(matches("real", "10.11.12.1:80"));
    EXPECT_FALSE(matches("real", "10.11.12.2"));
    EXPECT_TRUE(matches("state", "established"));
    EXPECT_FALSE(matches("state", "FIN_WAIT"));
    EXPECT_TRUE(matches("protocol", "tcp"));
    EXPECT_FALSE(matches("protocol", "udp"));
}

TEST(ConnectionQuery, the_data_plane_filters_what_it_can) {
    const auto query = ConnectionQuery::parse({{"client", "192.0.2.7:1"},
                                               {"virtual", "192.0.2.80:80"},
                                               {"real", "10.11.12.1"},
                                               {"state", "udp"},
                                               {"protocol", "udp"}});
    ASSERT_TRUE(query.has_value());
    const auto filter = query->filter();
    EXPECT_EQ(filter.client, *net::Address::parse("192.0.2.7"));
    EXPECT_EQ(filter.real_server, *net::Address::parse("10.11.12.1"));
    EXPECT_EQ(filter.state, "UDP");
    EXPECT_EQ(filter.packets, (dataplane::PacketKind{model::Protocol::udp,
                                                     *net::Address::parse("192.0.2.80"), 80}));
    EXPECT_EQ(filter.service, std::nullopt);
}

TEST(ConnectionQuery, a_mark_selects_all_connections_of_its_virtual_servers) {
    const auto query = ConnectionQuery::parse({{"mark", "80"}, {"virtual", "192.0.2.80:443"}});
    ASSERT_TRUE(query.has_value());
    dataplane::ServiceKey key;
    key.mark = 80;
    EXPECT_EQ(query->filter().service, key);
    auto connection = test::connection_from("192.0.2.7", 40000);
    connection.virtual_port = 443;
    EXPECT_FALSE(query->matches(connection));
    connection.mark = 80;
    EXPECT_TRUE(query->matches(connection));
    connection.virtual_port = 80;
    EXPECT_FALSE(query->matches(connection));
}

TEST(ConnectionQuery, templates_are_a_state) {
    const auto query = ConnectionQuery::parse({{"state", "template"}});
    ASSERT_TRUE(query.has_value());
    EXPECT_EQ(query->filter().state, "TEMPLATE");
}

TEST(ConnectionQuery, the_data_plane_knows_what_a_template_is_for) {
    const auto query = ConnectionQuery::parse(
        {{"virtual", "192.0.2.80:443"}, {"protocol", "udp"}, {"client", "192.0.2.7"}});
    ASSERT_TRUE(query.has_value());
    auto connection = test::connection_from("192.0.2.7", 0);
    connection.virtual_port = 0;
    EXPECT_FALSE(query->matches(connection));
    connection.state = "TEMPLATE";
    EXPECT_TRUE(query->matches(connection));
    connection.client = *net::Address::parse("192.0.2.8");
    EXPECT_FALSE(query->matches(connection));
}

TEST(ConnectionQuery, mistakes_are_named) {
    const auto error = [](const std::string& name, const std::string& value) {
        const auto query = ConnectionQuery::parse({{name, value}});
        return query ? "none" : query.error().message;
    };
    EXPECT_THAT(error("stat", "UDP"), HasSubstr("\"stat\": unknown; there are client, virtual"));
    EXPECT_THAT(error("state", "OPEN"), HasSubstr("states: NONE, ESTABLISHED"));
    EXPECT_THAT(error("protocol", "sctp"), HasSubstr("tcp or udp"));
    EXPECT_THAT(error("mark", "0"), HasSubstr("from 1 to 4294967295"));
    EXPECT_THAT(error("limit", "0"), HasSubstr("from 1 to 2048"));
    EXPECT_THAT(error("limit", "2049"), HasSubstr("from 1 to 2048"));
    EXPECT_THAT(error("from", "4294967296"), HasSubstr("whole number"));
    EXPECT_THAT(error("client", "me"), HasSubstr("\"me\" is no ADDRESS"));
}

}  // namespace
}  // namespace shoal::api
