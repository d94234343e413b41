#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

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

TEST(Validation, a_real_server_is_not_the_director_itself) {
    const auto real = [](std::string_view address) {
        return fmt::format("[[virtual_server.real_server]]\nname = \"x\"\naddress = \"{}\"\n",
                           address);
    };
    const auto advice = "write the address of the machine that does the work";
    const std::string router =
        "global.nat_router = { address = \"10.0.0.9/24\", device = \"lan0\" }\n";
    expect_problems({
        {service("a", "192.0.2.1/24", real("192.0.2.2")) + service("b", "192.0.2.2/24", ""),
         {{7, 11,
           "real server \"x\" has 192.0.2.2, the address of virtual server \"b\": a director does "
           "not send packets to itself",
           advice}}},
        {router + service("a", "192.0.2.1/24", real("10.0.0.9")),
         {{8, 11,
           "real server \"x\" has 10.0.0.9, the address of the NAT router: a director does not "
           "send packets to itself",
           advice}}},
        {service("a", "192.0.2.1/24", real("192.0.2.2")) +
             service("b", "192.0.2.2/24", "active = false\n"),
         {}},
    });
}

TEST(Validation, a_pool_holds_what_its_scheduler_can_look_at) {
    const auto file = [](std::string_view scheduler, int servers) {
        std::string text = fmt::format("scheduler = \"{}\"\n", scheduler);
        for (int i = 0; i < servers; ++i) {
            text += fmt::format(
                "[[virtual_server.real_server]]\nname = \"s{}\"\n"
                "address = \"10.0.{}.{}\"\n",
                i, i / 256, i % 256);
        }
        return service("a", "192.0.2.1/24", text);
    };
    expect_problems({
        {file("twos", 256), {}},
        {file("lblc", 257),
         {{774, 1, "virtual server \"a\": 257 real servers",
           "at most 256 with scheduler = \"lblc\""}}},
        {file("lblc\"\nsorry_server = \"10.9.9.9", 255), {}},
        {file("lblc\"\nsorry_server = \"10.9.9.9", 256),
         {{6, 16, "virtual server \"a\": 256 real servers and a sorry server",
           "at most 256 with scheduler = \"lblc\""}}},
        {file("wlc", 4096), {}},
        {file("wlc", 4097),
         {{12294, 1, "virtual server \"a\": 4097 real servers",
           "at most 4096 with scheduler = \"wlc\""}}},
    });
}

TEST(Validation, the_director_holds_131072_real_servers) {
    const auto file = [](int last) {
        std::string text;
        for (int s = 1; s <= 33; ++s) {
            text += service(fmt::format("v{}", s), fmt::format("192.0.2.{}/24", s),
                            "sorry_server = \"10.9.9.9\"\n");
            for (int i = 0; i < (s == 33 ? last : 4000); ++i) {
                text += fmt::format(
                    "[[virtual_server.real_server]]\nname = \"s{}\"\n"
                    "address = \"10.0.{}.{}\"\n",
                    i, i / 256, i % 256);
            }
        }
        return text;
    };
    expect_problems({
        {file(3039), {}},
        {file(3040), {{384161, 1, "131073 real and sorry servers in all", "at most 131072"}}},
    });
}

TEST(Validation, concludes_nothing_from_a_refused_value) {
    const auto bad = service("a", "192.0.2.300/24", "port = 70000\n");
    const auto read = read_toml(bad + bad, {});
    ASSERT_FALSE(read);
    std::vector<int> lines;
    for (const auto& problem : read.error())
        lines.push_back(problem.line);
    EXPECT_EQ(lines, (std::vector{3, 5, 7, 8, 10})) << "two addresses, two ports, one name";
}

TEST(Validation, refuses_a_table_larger_than_memory) {
    ReadOptions machine;
    machine.memory = 1ULL << 30;
    expect_problems(
        {{"[global]\ntable_size = 4194304\n", {}},
         {"[global]\ntable_size = 16777216\n",
          {{2, 14, "table_size in [global]: 16777216 cells take 1520 MB, this machine has 1024",
            "at most 4194304 here"}}}},
        machine);
    expect_problems({{"[global]\ntable_size = 16777216\n", {}}});
}

}  // namespace
}  // namespace shoal::config
