#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/toml_reader.h"

namespace shoal::config {
namespace {

/// A file of virtual servers: `lines` follow name, address and device, which are lines 2 to 4 of
/// the first one.
std::string service(std::string_view name, std::string_view address, std::string_view lines) {
    return fmt::format(
        "[[virtual_server]]\nname = \"{}\"\naddress = \"{}\"\ndevice = \"wan0:1\"\n{}", name,
        address, lines);
}

struct Case {
    std::string text;
    std::vector<Problem> problems;
};

void expect_problems(const std::vector<Case>& cases, const ReadOptions& options = {}) {
    for (const auto& [text, problems] : cases) {
        const auto read = read_toml(text, options);
        if (problems.empty()) {
            EXPECT_TRUE(read) << render(read.error(), "file", text);
            continue;
        }
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error(), problems) << render(read.error(), "file", text);
    }
}

TEST(Validation, names_are_used_once) {
    const auto server = [](std::string_view name, int n) {
        return fmt::format(
            "[[virtual_server.real_server]]\nname = \"{}\"\naddress = \"10.0.0.{}\"\n", name, n);
    };
    expect_problems({
        {service("a", "192.0.2.1/24", "") + service("a", "192.0.2.2/24", ""),
         {{6, 8, "two virtual servers have the name \"a\"", "the other one is in line 2"}}},
        {service("a", "192.0.2.1/24", server("x", 1) + server("x", 2)),
         {{9, 8, "two real servers of virtual server \"a\" have the name \"x\"",
           "the other one is in line 6"}}},
        {service("a", "192.0.2.1/24", server("x", 1)) +
             service("b", "192.0.2.2/24", server("x", 1)),
         {}},
        {"device = [{ name = \"eth0\" }, { name = \"eth0\" }]",
         {{1, 39, "device \"eth0\" has two tables", "the other one is in line 1"}}},
    });
}

TEST(Validation, an_address_port_and_protocol_belong_to_one_active_virtual_server) {
    const auto udp = "protocol = \"udp\"\nmonitor.enabled = false\n";
    expect_problems({
        {service("a", "192.0.2.1/24", "") + service("b", "192.0.2.1/24", ""),
         {{7, 11,
           "virtual server \"b\": 192.0.2.1 port 80/tcp is already that of virtual server \"a\", "
           "and both are active",
           "the other one is in line 1"}}},
        {service("a", "192.0.2.1/24", "") + service("b", "192.0.2.1/24", "active = false\n"), {}},
        {service("a", "192.0.2.1/24", "") + service("b", "192.0.2.1/24", "port = 81\n"), {}},
        {service("a", "192.0.2.1/24", "") + service("b", "192.0.2.1/24", udp), {}},
    });
}

TEST(Validation, an_address_has_one_prefix_length_and_one_device) {
    const auto router = [](std::string_view device) {
        return fmt::format(
            "global.nat_router = {{ address = \"192.0.2.1/24\", device = \"{}\" }}\n", device);
    };
    expect_problems({
        {service("a", "192.0.2.1/24", "") + service("b", "192.0.2.1/25", "port = 81\n"),
         {{7, 11,
           "virtual server \"b\" has 192.0.2.1/25 on wan0:1, but virtual server \"a\" has "
           "192.0.2.1/24 on wan0:1",
           "write the same prefix length and device in both"}}},
        {router("wan0:2") + service("a", "192.0.2.1/24", ""),
         {{4, 11,
           "virtual server \"a\" has 192.0.2.1/24 on wan0:1, but the NAT router has 192.0.2.1/24 "
           "on wan0:2",
           "write the same prefix length and device in both"}}},
        {router("wan0:1") + service("a", "192.0.2.1/24", ""), {}},
    });
}

TEST(Validation, devices_exist_where_the_machine_is_known) {
    const ReadOptions options{.devices = {{"lo", "wan1", "lan0"}}};
    expect_problems(
        {{service("a", "192.0.2.1/24", ""),
          {{4, 10, "there is no network device \"wan0\"", "did you mean \"wan1\"?"}}},
         {"[[device]]\nname = \"bond7\"\n",
          {{2, 8, "there is no network device \"bond7\"", "known: lo, wan1, lan0"}}},
         {"[global]\nnat_router = { address = \"10.0.0.1/24\", device = \"lan0:1\" }\n", {}}},
        options);
}

TEST(Validation, a_check_fits_into_its_interval_and_that_into_the_service_timeout) {
    expect_problems({
        {service("a", "192.0.2.1/24", "service_timeout = \"2s\"\nmonitor.interval = \"3s\"\n"),
         {{6, 20,
           "virtual server \"a\": the check interval, 3s, is longer than the service timeout, 2s",
           "at most 2s"}}},
        {service("a", "192.0.2.1/24", "monitor.timeout = \"2001ms\"\n"),
         {{5, 19,
           "virtual server \"a\": the check timeout, 2001ms, is longer than the check interval, 2s",
           "at most 2s"}}},
        {service("a", "192.0.2.1/24", "monitor.interval = \"6s\"\nmonitor.timeout = \"6s\"\n"), {}},
    });
}

TEST(Validation, a_udp_service_is_checked_by_what_it_answers) {
    const std::string message =
        "virtual server \"a\": a UDP service is checked by what it answers, and send or expect is "
        "missing";
    const std::string advice = "set both in [virtual_server.monitor], or enabled = false there";
    const auto udp = [](std::string_view lines) {
        return service("a", "192.0.2.1/24", fmt::format("protocol = \"udp\"\n{}", lines));
    };
    expect_problems({
        {udp(""), {{1, 1, message, advice}}},
        {udp("[virtual_server.monitor]\nsend = \"x\"\n"), {{6, 1, message, advice}}},
        {udp("[virtual_server.monitor]\nsend = \"x\"\nexpect = \"y\"\n"), {}},
        {udp("[virtual_server.monitor]\nenabled = false\n"), {}},
    });
}

TEST(Validation, real_servers_are_different_machines_or_ports) {
    const auto server = [](std::string_view name, std::string_view lines) {
        return fmt::format("[[virtual_server.real_server]]\nname = \"{}\"\n{}\n", name, lines);
    };
    const auto one = server("x", "address = \"10.0.0.1\"");
    expect_problems({
        {service("a", "192.0.2.1/24", one + server("y", "address = \"10.0.0.1\"\nport = 80")),
         {{10, 11, "two real servers of virtual server \"a\" have 10.0.0.1 port 80",
           "the other one is in line 7"}}},
        {service("a", "192.0.2.1/24", one + server("y", "address = \"10.0.0.1\"\nport = 81")), {}},
        {service("a", "192.0.2.1/24", server("x", "address = \"192.0.2.1\"")),
         {{7, 11, "real server \"x\" has the virtual address 192.0.2.1 itself",
           "write the address of the machine that does the work"}}},
    });
}

TEST(Validation, only_nat_leads_to_another_port) {
    const auto server =
        "[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\nport = 8080\n";
    expect_problems({
        {service("a", "192.0.2.1/24", fmt::format("network_type = \"direct\"\n{}", server)),
         {{9, 8, "real server \"x\" has port 8080, but direct routing leaves 80 as it is",
           "remove it, or use network_type = \"nat\""}}},
        {service("a", "192.0.2.1/24", server), {}},
    });
}

TEST(Validation, a_pool_holds_256_real_servers) {
    std::string text;
    for (int i = 0; i < 256; ++i) {
        text += fmt::format(
            "[[virtual_server.real_server]]\nname = \"s{0}\"\naddress = \"10.0.1.{0}\"\n", i);
    }
    const auto last = "[[virtual_server.real_server]]\nname = \"last\"\naddress = \"10.0.0.1\"\n";
    expect_problems({
        {service("a", "192.0.2.1/24", text), {}},
        {service("a", "192.0.2.1/24", text + last),
         {{773, 1, "257 real servers in virtual server \"a\"", "at most 256"}}},
    });
}

TEST(Validation, concludes_nothing_from_a_refused_value) {
    const auto bad = service("a", "192.0.2.300/24", "port = 0\n");
    const auto read = read_toml(bad + bad, {});
    ASSERT_FALSE(read);
    std::vector<int> lines;
    for (const auto& problem : read.error())
        lines.push_back(problem.line);
    EXPECT_EQ(lines, (std::vector{3, 5, 7, 8, 10})) << "two addresses, two ports, one name";
}

}  // namespace
}  // namespace shoal::config
