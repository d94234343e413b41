#include "config/difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/toml_reader.h"

namespace shoal::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view web_file = R"(
[global]
name = "director-1"
[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "wan0:1"
[[virtual_server.real_server]]
name = "web-1"
address = "10.11.12.1"
[[virtual_server.real_server]]
name = "web-2"
address = "10.11.12.2"
)";

model::Configuration read(std::string_view text) {
    return read_toml(text, {}).value();
}

std::vector<std::string> described(const model::Configuration& before,
                                   const model::Configuration& after) {
    std::vector<std::string> texts;
    for (const auto& difference : differences(before, after)) {
        static constexpr std::array kinds{"changed", "added", "removed", "renamed", "reordered"};
        texts.push_back(std::string(kinds[static_cast<std::size_t>(difference.kind)]) + " " +
                        to_string(difference.path) +
                        (difference.before.empty() && difference.after.empty()
                             ? ""
                             : ": " + difference.before + " -> " + difference.after));
    }
    return texts;
}

TEST(Differences, of_equal_configurations_are_none) {
    EXPECT_THAT(described(read(web_file), read(web_file)), IsEmpty());
}

TEST(Differences, name_the_setting_and_its_tables) {
    const auto before = read(web_file);
    auto after = before;
    after.global.table_size = 4096;
    after.global.nat_router = {net::Prefix::parse("10.11.12.254/24").value(), {"lan0", "lan0:1"}};
    after.global.timeouts.udp = model::milliseconds{1'500};
    after.virtual_servers[0].scheduler_flags = {model::SchedulerFlag::mh_port};
    after.virtual_servers[0].monitor.send = "a\r\n";
    after.virtual_servers[0].real_servers[1].weight = 3;
    after.virtual_servers[0].real_servers[1].monitor.port = 81;
    EXPECT_THAT(
        described(before, after),
        ElementsAre(
            "changed global / nat_router: not set -> 10.11.12.254/24 on lan0:1",
            "changed global / table_size: 1048576 -> 4096",
            "changed global / timeouts / udp: 5m -> 1500ms",
            "changed virtual_server \"web\" / scheduler_flags: none -> mh-port",
            "changed virtual_server \"web\" / monitor / send: \"GET / HTTP/1.0\\r\\n\\r\\n\""
            " -> \"a\\r\\n\"",
            "changed virtual_server \"web\" / real_server \"web-2\" / weight: 1 -> 3",
            "changed virtual_server \"web\" / real_server \"web-2\" / monitor / port: "
            "not set -> 81"));
}

TEST(Differences, follow_names_through_another_order) {
    const auto before = read(web_file);
    auto after = before;
    auto& servers = after.virtual_servers[0].real_servers;
    std::swap(servers[0], servers[1]);
    servers[0].weight = 5;
    servers.insert(servers.begin(), servers[0]);
    servers[0].name = "web-0";
    servers[0].address = net::Address::parse("10.11.12.9").value();
    EXPECT_THAT(
        described(before, after),
        ElementsAre("reordered virtual_server \"web\" / real_server",
                    "added virtual_server \"web\" / real_server \"web-0\"",
                    "changed virtual_server \"web\" / real_server \"web-2\" / weight: 1 -> 5"));
}

TEST(Differences, know_what_was_only_renamed) {
    const auto before = read(web_file);
    auto after = before;
    after.virtual_servers[0].name = "www";
    after.virtual_servers[0].real_servers[0].name = "web-9";
    after.virtual_servers[0].real_servers[0].weight = 2;
    after.virtual_servers[0].real_servers.pop_back();
    EXPECT_THAT(
        described(before, after),
        ElementsAre("renamed virtual_server \"www\" / name: \"web\" -> \"www\"",
                    "renamed virtual_server \"www\" / real_server \"web-9\" / name: \"web-1\" -> "
                    "\"web-9\"",
                    "changed virtual_server \"www\" / real_server \"web-9\" / weight: 1 -> 2",
                    "removed virtual_server \"www\" / real_server \"web-2\""));
}

TEST(Differences, tell_mark_rules_by_value_protocol_and_address) {
    model::Configuration before;
    const auto address = net::Address::parse("192.0.2.80").value();
    before.marks = {{80, address, model::Protocol::tcp, {80}},
                    {80, address, model::Protocol::tcp, {443}},
                    {81, address, model::Protocol::tcp, {81}}};
    auto after = before;
    after.marks[1].ports = {444};
    after.marks[2].protocol = model::Protocol::udp;
    EXPECT_THAT(
        described(before, after),
        ElementsAre("changed mark \"80 tcp 192.0.2.80\" / ports: 443 -> 444",
                    "added mark \"81 udp 192.0.2.80\"", "removed mark \"81 tcp 192.0.2.80\""));
}

TEST(Differences, are_the_names_of_both_configurations_where_names_change_places) {
    auto before = read(web_file);
    before.virtual_servers.push_back(before.virtual_servers[0]);
    before.virtual_servers[1].name = "tls";
    before.virtual_servers[1].port = 443;
    auto after = before;
    std::swap(after.virtual_servers[0].name, after.virtual_servers[1].name);
    EXPECT_THAT(
        described(before, after),
        ElementsAre("reordered virtual_server", "changed virtual_server \"tls\" / port: 443 -> 80",
                    "changed virtual_server \"web\" / port: 80 -> 443"));
}

}  // namespace
}  // namespace shoal::config
