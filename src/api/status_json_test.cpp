#include "api/status_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/fake_control.h"
#include "http/response.h"

namespace shoal::api {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string text_of(const auto& value) {
    return http::json_text(to_json(value));
}

TEST(StatusJson, names_are_the_members_and_enumerations_are_words) {
    const auto status = to_json(test::example_status());
    EXPECT_EQ(status["name"], "director-1");
    EXPECT_EQ(status["adopted"], true);
    EXPECT_EQ(status["table"], json::parse(R"({"size": 1048576, "used": 15, "overflow": 1,
                                               "memory_bytes": 100663296, "former_size": 0})"));
    const auto& service = status["virtual_servers"][0];
    EXPECT_EQ(service["address"], "192.0.2.80/24");
    EXPECT_EQ(service["protocol"], "tcp");
    EXPECT_EQ(service["scheduler"], "wlc");
    EXPECT_EQ(service["counters"]["bytes_out"], 987'654'321'012);
    EXPECT_EQ(service["real_servers"][1], json::parse(R"({
        "name": "web-2", "address": "10.11.12.2", "port": 80, "method": "direct", "weight": 1,
        "weight_in_force": 0, "overloaded": false, "persistent_clients": 0, "enabled": true, "state": "enabled",
        "deadline_ms": null, "until_ms": null, "then": null, "health": "down", "reason": "connection refused",
        "since_ms": 1800000355000, "in_pool": false, "active_connections": 0,
        "inactive_connections": 0, "counters": {"connections": 0, "packets_in": 0,
        "packets_out": 0, "bytes_in": 0, "bytes_out": 0}, "rates": {"connections": 0,
        "packets_in": 0, "packets_out": 0, "bytes_in": 0, "bytes_out": 0}, "load": null,
        "load_age_ms": null, "load_problem": "", "weight_factor": null})"));
    EXPECT_EQ(status["hooks"][0]["hook"], "xdp");
    EXPECT_EQ(status["problems"][0], "net.ipv4.ip_forward is 0; NAT needs 1");
}

TEST(StatusJson, what_is_written_is_read_as_the_same) {
    const auto text = text_of(test::example_status());
    const auto status = from_json<model::DirectorStatus>(text);
    ASSERT_TRUE(status.has_value()) << status.error().message;
    EXPECT_EQ(text_of(*status), text);
    EXPECT_EQ(status->virtual_servers[0].real_servers[1].health, model::Health::down);
    EXPECT_EQ(status->virtual_servers[0].counters,
              test::example_status().virtual_servers[0].counters);
}

TEST(StatusJson, ports_are_written_as_in_the_configuration) {
    auto status = test::example_status();
    auto& service = status.virtual_servers[0];
    struct Case {
        model::PortRange port;
        json written;
    };
    for (const auto& [port, written] :
         {Case{80, 80}, Case{0, 0}, Case{{8000, 8100}, "8000-8100"}}) {
        service.port = port;
        service.mark_ports = {port, 443};
        const auto text = to_json(status);
        EXPECT_EQ(text["virtual_servers"][0]["port"], written);
        EXPECT_EQ(text["virtual_servers"][0]["mark_ports"], json({written, 443}));
        const auto read = from_json<model::DirectorStatus>(text.dump());
        ASSERT_TRUE(read.has_value()) << read.error().message;
        EXPECT_EQ(read->virtual_servers[0].port, port);
        EXPECT_EQ(read->virtual_servers[0].mark_ports, service.mark_ports);
    }
}

TEST(StatusJson, what_a_virtual_server_may_lack_is_null) {
    auto status = test::example_status();
    auto& service = status.virtual_servers[0];
    for (const auto* member : {"firewall_mark", "persistence_ms", "sorry_server"})
        EXPECT_TRUE(to_json(status)["virtual_servers"][0][member].is_null()) << member;
    service.firewall_mark = 80;
    service.persistence_ms = 300'000;
    service.sorry_server = service.real_servers[0];
    service.sorry_server->name = "sorry server";
    const auto text = text_of(status);
    const auto read = from_json<model::DirectorStatus>(text);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(text_of(*read), text);
    EXPECT_EQ(read->virtual_servers[0].firewall_mark, 80U);
    EXPECT_EQ(read->virtual_servers[0].sorry_server->name, "sorry server");
}

TEST(StatusJson, statistics_are_the_directors_and_are_read_as_the_same) {
    const auto status = test::example_status();
    const auto statistics = statistics_of(status);
    EXPECT_EQ(statistics.total, status.total);
    EXPECT_EQ(statistics.total_rates, status.total_rates);
    const auto text = to_json(statistics);
    EXPECT_EQ(text["total_rates"]["connections"], 12);
    EXPECT_EQ(text["virtual_servers"][0]["real_servers"][0]["rates"]["bytes_out"], 12'345'678);
    const auto read = from_json<Statistics>(text_of(statistics));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(text_of(*read), text_of(statistics));
}

TEST(StatusJson, a_page_of_connections_is_read_as_the_same) {
    for (const std::optional<std::uint32_t> next : {std::optional(4096U), {}}) {
        dataplane::ConnectionPage page{.connections = {test::connection_from("192.0.2.7", 40000),
                                                       test::connection_from("192.0.2.8", 1)},
                                       .next = next};
        page.connections[0].protocol = model::Protocol::udp;
        page.connections[0].mark = 80;
        page.connections[1].client = *net::Address::parse("2001:db8::7");
        page.connections[1].active = false;
        const auto text = json_text(page);
        const auto read = from_json<dataplane::ConnectionPage>(text);
        ASSERT_TRUE(read.has_value()) << read.error().message;
        EXPECT_EQ(json_text(*read), text);
        EXPECT_EQ(read->next, next);
        EXPECT_EQ(json::parse(text)["next"].is_null(), !next.has_value());
    }
    EXPECT_EQ(json_text(dataplane::ConnectionPage{}), R"({"connections":[],"next":null})");
}

TEST(StatusJson, a_connection_has_the_names_of_the_members) {
    EXPECT_EQ(json::parse(json_text(test::connection_from("192.0.2.7", 40000))), json::parse(R"({
        "protocol": "tcp", "mark": 0, "client": "192.0.2.7", "client_port": 40000,
        "virtual_address": "192.0.2.80", "virtual_port": 80, "real_address": "10.11.12.1",
        "real_port": 8080, "state": "ESTABLISHED", "active": true, "expires_in_ms": 899000})"));
}

TEST(StatusJson, problems_are_read_as_the_same) {
    const ErrorBody error{.message = "2 problems",
                          .problems = {{3, 7, "unknown setting", "did you mean \"port\"?"},
                                       {0, 0, "the file is empty", ""}}};
    const auto read = from_json<ErrorBody>(text_of(error));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->message, error.message);
    EXPECT_EQ(read->problems, error.problems);
    EXPECT_FALSE(to_json(ErrorBody{.message = "gone"}).contains("problems"));
}

TEST(StatusJson, bytes_that_are_no_text_do_not_break_the_answer) {
    auto status = test::example_status();
    status.virtual_servers[0].real_servers[1].reason = "answered \"\xff\xfe\x80\"";
    const auto read = from_json<model::DirectorStatus>(text_of(status));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_THAT(read->virtual_servers[0].real_servers[1].reason, HasSubstr("answered"));
}

TEST(StatusJson, a_newer_shoald_may_say_more) {
    auto status = to_json(test::example_status());
    status["mood"] = "good";
    EXPECT_TRUE(from_json<model::DirectorStatus>(status.dump()).has_value());
}

TEST(StatusJson, what_is_missing_or_wrong_is_an_error) {
    const auto good = to_json(test::example_status());
    const auto broken = [&](const json::json_pointer& place, const json& value) {
        auto status = good;
        status[place] = value;
        return from_json<model::DirectorStatus>(status.dump());
    };
    using pointer = json::json_pointer;
    EXPECT_FALSE(broken(pointer("/name"), 5).has_value());
    EXPECT_FALSE(broken(pointer("/adopted"), "yes").has_value());
    EXPECT_FALSE(broken(pointer("/now_ms"), 1.5).has_value());
    EXPECT_FALSE(broken(pointer("/virtual_servers"), 5).has_value());
    EXPECT_FALSE(broken(pointer("/virtual_servers/0/port"), 65536).has_value());
    EXPECT_FALSE(broken(pointer("/virtual_servers/0/port"), -1).has_value());
    EXPECT_FALSE(broken(pointer("/virtual_servers/0/port"), "8100-8000").has_value());
    EXPECT_FALSE(broken(pointer("/virtual_servers/0/port"), "http").has_value());
    EXPECT_FALSE(broken(pointer("/virtual_servers/0/address"), "web").has_value());
    EXPECT_FALSE(broken(pointer("/virtual_servers/0/scheduler"), "best").has_value());
    auto incomplete = good;
    incomplete.erase("table");
    EXPECT_THAT(from_json<model::DirectorStatus>(incomplete.dump()).error().message,
                HasSubstr("table"));
    EXPECT_FALSE(from_json<model::DirectorStatus>("{").has_value());
    EXPECT_FALSE(from_json<model::DirectorStatus>("").has_value());
}

}  // namespace
}  // namespace shoal::api
