#include "config/toml_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"

namespace shoal::config {
namespace {

using model::milliseconds;

// The example of the README and of examples/nat.toml, with one real server.
constexpr std::string_view example = R"([global]
name = "director-1"
network_type = "nat"                 # nat | direct | tunnel; a virtual or real server may override it
nat_router = { address = "10.11.12.254/24", device = "lan0:1" }

[[virtual_server]]
name = "web"
active = true
address = "192.0.2.80/24"
device = "wan0:1"                    # the alias label the address gets
protocol = "tcp"
port = 80
scheduler = "wlc"
service_timeout = "6s"
reentry_time = "15s"
[virtual_server.monitor]
send = 'GET / HTTP/1.0\r\n\r\n'      # escapes: \n \r \t \\
expect = "HTTP"
[[virtual_server.real_server]]
name = "web-1"
address = "10.11.12.1"
weight = 1
active = true
)";

model::Configuration read(std::string_view text) {
    auto configuration = read_toml(text, {});
    if (configuration) return *configuration;
    ADD_FAILURE() << render(configuration.error(), "file", text);
    return {};
}

TEST(TomlReader, reads_the_example) {
    model::Configuration expected;
    expected.global.name = "director-1";
    expected.global.nat_router = {net::Prefix::parse("10.11.12.254/24").value(),
                                  {"lan0", "lan0:1"}};
    model::VirtualServer web;
    web.name = "web";
    web.address = net::Prefix::parse("192.0.2.80/24").value();
    web.device = {"wan0", "wan0:1"};
    web.monitor.send = "GET / HTTP/1.0\r\n\r\n";
    web.monitor.expect = "HTTP";
    web.real_servers = {
        {"web-1", net::Address::parse("10.11.12.1").value(), {}, 1, true, {}, {}, {}}};
    expected.virtual_servers = {web};
    EXPECT_EQ(read(example), expected);
}

TEST(TomlReader, reads_every_example_file) {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(SHOAL_SOURCE_DIR "/examples")) {
        if (entry.path().extension() != ".toml") continue;
        SCOPED_TRACE(entry.path());
        read(read_file(entry.path()).value());
        ++files;
    }
    EXPECT_GE(files, 3);
}

TEST(TomlReader, full_example_has_the_defaults_it_claims) {
    auto full = read(read_file(SHOAL_SOURCE_DIR "/examples/full.toml").value());
    EXPECT_EQ(full.global.timeouts, model::ConnectionTimeouts{});
    EXPECT_EQ(full.global.table_size, model::Global{}.table_size);
    ASSERT_FALSE(full.virtual_servers.empty());
    const auto& web = full.virtual_servers[0];
    EXPECT_EQ(web.scheduler, model::VirtualServer{}.scheduler);
    EXPECT_EQ(web.service_timeout, model::VirtualServer{}.service_timeout);
    EXPECT_EQ(web.reentry_time, model::VirtualServer{}.reentry_time);
    EXPECT_EQ(web.slow_start, model::VirtualServer{}.slow_start);
    EXPECT_EQ(web.flap_damping, model::VirtualServer{}.flap_damping);
    EXPECT_EQ(web.quorum, model::VirtualServer{}.quorum);
    EXPECT_EQ(web.load_monitor.least_weight, model::LoadMonitor{}.least_weight);
    EXPECT_EQ(web.monitor.interval, web.service_timeout / 3);
    EXPECT_EQ(web.monitor.timeout, web.service_timeout / 6);
}

TEST(TomlReader, an_empty_file_is_a_director_without_virtual_servers) {
    EXPECT_EQ(read(""), model::Configuration{});
    EXPECT_EQ(read("# nothing\r\n"), model::Configuration{});
    EXPECT_EQ(read("\xef\xbb\xbf[global]\n"), model::Configuration{});
}

TEST(TomlReader, both_ways_of_escaping_mean_the_same_string) {
    const auto send = [](std::string_view value) {
        return read(
                   "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1\"\ndevice = \"wan0\"\n"
                   "monitor.send = " +
                   std::string(value) + "\n")
            .virtual_servers.at(0)
            .monitor.send;
    };
    EXPECT_EQ(send(R"('a\r\n\t\\b')"), "a\r\n\t\\b");
    EXPECT_EQ(send(R"("a\r\n\t\\\\b")"), "a\r\n\t\\b");
    EXPECT_EQ(send(R"("a\\r\\n")"), "a\r\n");
}

TEST(TomlReader, a_time_span_may_be_a_number_of_seconds) {
    const auto configuration = read(
        "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1\"\ndevice = \"wan0\"\n"
        "service_timeout = 10\nreentry_time = \"1.5m\"\n");
    EXPECT_EQ(configuration.virtual_servers.at(0).service_timeout, milliseconds{10'000});
    EXPECT_EQ(configuration.virtual_servers.at(0).reentry_time, milliseconds{90'000});
}

TEST(TomlReader, without_a_monitor_only_tcp_port_80_is_asked_for_a_page) {
    const auto monitor = [](std::string_view lines) {
        return read(
                   "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1\"\ndevice = "
                   "\"wan0\"\n" +
                   std::string(lines))
            .virtual_servers.at(0)
            .monitor;
    };
    EXPECT_EQ(monitor("").expect, "HTTP");
    EXPECT_EQ(monitor("port = 25\n"), model::Monitor{});
    EXPECT_EQ(monitor("[virtual_server.monitor]\n"), model::Monitor{});
}

TEST(TomlReader, reads_every_setting_of_the_full_example) {
    const auto full = read(read_file(SHOAL_SOURCE_DIR "/examples/full.toml").value());
    const auto prefix = [](std::string_view text) { return net::Prefix::parse(text).value(); };
    EXPECT_EQ(full.marks, (std::vector<model::MarkRule>{
                              {25,
                               prefix("192.0.2.25").address,
                               model::Protocol::tcp,
                               {model::PortRange(25), model::PortRange(465), {587, 588}}}}));
    ASSERT_EQ(full.virtual_servers.size(), 7U);
    const auto& web = full.virtual_servers[0];
    EXPECT_EQ(web.persistence, milliseconds{300'000});
    EXPECT_EQ(web.persistence_netmask, model::NetworkMask{24});
    EXPECT_EQ(web.sorry_server, (model::SorryServer{prefix("10.11.12.9").address, 8080,
                                                    model::ForwardingMethod::nat}));
    EXPECT_EQ(web.allow, (std::vector{prefix("0.0.0.0/0")}));
    EXPECT_EQ(web.deny, (std::vector{prefix("198.51.100.0/24")}));
    EXPECT_EQ(web.real_servers[0].upper_threshold, 1000U);
    const auto& mail = full.virtual_servers[2];
    EXPECT_EQ(mail.firewall_mark, 25U);
    EXPECT_TRUE(mail.port.is_any());
    EXPECT_EQ(mail.scheduler, model::Scheduler::mh);
    EXPECT_EQ(mail.scheduler_flags, (std::vector{model::SchedulerFlag::mh_fallback}));
}

TEST(TomlReader, reads_every_kind_of_check_of_the_full_example) {
    using enum model::MonitorType;
    const auto full = read(read_file(SHOAL_SOURCE_DIR "/examples/full.toml").value());
    std::vector<model::MonitorType> types;
    for (const auto& service : full.virtual_servers)
        types.push_back(service.monitor.type);
    EXPECT_EQ(types, (std::vector{text, text, text, https, dns, grpc, program}));
    const auto& web = full.virtual_servers.at(0);
    EXPECT_EQ(web.load_monitor.tool, model::LoadTool::http);
    EXPECT_EQ(web.load_monitor.value, "node_load1");
    EXPECT_EQ(web.real_servers.at(0).monitor.port, 8081);
    const auto& shop = full.virtual_servers.at(3).monitor;
    EXPECT_EQ(shop.status, (std::vector<model::StatusRange>{{200, 200}, {300, 399}}));
    EXPECT_TRUE(shop.verify_certificate);
    EXPECT_EQ(full.virtual_servers.at(4).monitor.protocol, model::Protocol::tcp);
    ASSERT_EQ(full.notifications.size(), 1U);
    EXPECT_EQ(full.notifications[0].events.size(), 6U);
    EXPECT_EQ(full.notifications[0].mail_relay, "10.11.12.25:25");
}

TEST(TomlReader, brackets_of_a_list_and_the_table_of_a_sorry_server_may_be_left_out) {
    const auto lines =
        "[[mark]]\nvalue = 21\naddress = \"192.0.2.1\"\nports = \"10000-20000\"\n"
        "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1\"\ndevice = \"wan0\"\n"
        "firewall_mark = 21\nscheduler = \"sh\"\nscheduler_flags = \"sh-port\"\n"
        "deny = \"10.0.0.0/8\"\nsorry_server = \"10.0.0.9\"\n";
    const auto configuration = read(lines);
    EXPECT_EQ(configuration.marks.at(0).ports, (std::vector{model::PortRange(10000, 20000)}));
    const auto& a = configuration.virtual_servers.at(0);
    EXPECT_EQ(a.scheduler_flags, (std::vector{model::SchedulerFlag::sh_port}));
    EXPECT_EQ(a.deny, (std::vector{net::Prefix::parse("10.0.0.0/8").value()}));
    EXPECT_EQ(a.sorry_server,
              (model::SorryServer{net::Address::parse("10.0.0.9").value(), {}, {}}));
}

TEST(TomlReader, a_virtual_server_of_a_mark_is_checked_at_the_first_port_of_its_rules) {
    const auto monitor = [](std::string_view ports, std::string_view lines) {
        const auto configuration = read(fmt::format(
            "[[mark]]\nvalue = 7\naddress = \"192.0.2.1\"\nports = {}\n"
            "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1\"\ndevice = \"wan0\"\n"
            "firewall_mark = 7\n{}",
            ports, lines));
        const auto& service = configuration.virtual_servers.at(0);
        return fmt::format("{} {}", check_port(configuration, service, {}), service.monitor.expect);
    };
    EXPECT_EQ(monitor("[80, 443]", ""), "80 HTTP");
    EXPECT_EQ(monitor("[443, 80]", ""), "443 ");
    EXPECT_EQ(monitor("[443, 80]", "port = 80\n"), "80 HTTP");
}

TEST(TomlReader, letters_outside_ascii_are_syntax_errors_outside_strings_and_comments_only) {
    EXPECT_EQ(read("[global] # é\nname = 'Köln'\n").global.name, "Köln");
    EXPECT_EQ(read("[global]\nname = \"\"\"\\\n  Köln\"\"\"\n").global.name, "Köln");
    const auto stray = read_toml("[global]\nname = ü\n", {});
    ASSERT_FALSE(stray);
    EXPECT_EQ(stray.error()[0].line, 2);
    EXPECT_EQ(stray.error()[0].column, 8);
}

}  // namespace
}  // namespace shoal::config
