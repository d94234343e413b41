#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

constexpr auto vip = "192.0.2.1";

/// A virtual server at that address with mark 80.
std::string marked(std::string_view name, std::string_view lines) {
    return service(name, vip, fmt::format("firewall_mark = 80\n{}", lines));
}
std::string server(std::string_view lines) {
    return fmt::format("[[virtual_server.real_server]]\nname = \"x\"\n{}", lines);
}
/// Two virtual servers of mark 80: the rule has lines 1 to 4, `lines` of the first one begin in
/// line 10.
std::string pair_of(std::string_view first, std::string_view second) {
    return mark(80, vip, "[80, 443]") + marked("a", first) + marked("b", second);
}

TEST(Marks, are_set_by_a_rule_and_used_by_a_virtual_server) {
    expect_problems({
        {marked("a", ""),
         {{5, 17, "virtual server \"a\": no [[mark]] sets mark 80",
           "write a [[mark]] with value = 80, address = \"192.0.2.1\" and its ports"}}},
        {mark(81, vip, "80") + service("a", vip, "port = 81\n"),
         {{2, 9, "no virtual server has firewall_mark = 81",
           "set it in a virtual server, or remove the [[mark]]"}}},
        {mark(80, vip, "80") + marked("a", ""), {}},
        {mark(80, vip, "80") + marked("a", "active = false\n"), {}},
        {mark(80, vip, "80") + mark(80, vip, "[443, \"8000-8100\"]") + marked("a", ""), {}},
    });
}

TEST(Marks, nothing_is_concluded_from_a_refused_value) {
    expect_problems({
        {mark(0, vip, "80") + marked("a", ""),
         {{2, 9, "value in mark rule 1: 0 is out of range", "allowed: 1 to 4294967295"}}},
        {mark(80, vip, "80") + service("a", vip, "firewall_mark = 0\n"),
         {{9, 17, "firewall_mark in virtual server \"a\": 0 is out of range",
           "allowed: 1 to 4294967295"}}},
        {"[[mark]]\naddress = \"192.0.2.1\"\nports = 80\n" + marked("a", ""),
         {{1, 1, "value is missing in mark rule 1", "for instance value = 80"}}},
        {"mark = 80\n" + marked("a", ""),
         {{1, 8, "mark in the file must be a list of tables, not a whole number",
           "write [[mark]]"}}},
        {mark(80, vip, "[]") + marked("a", ""),
         {{4, 9, "ports in mark rule 1: the list is empty", "for instance ports = [80, 443]"}}},
    });
}

TEST(Marks, are_set_on_virtual_addresses) {
    expect_problems({
        {mark(80, vip, "80") + mark(80, "192.0.2.9", "80") + marked("a", ""),
         {{7, 11, "192.0.2.9 is the address of no virtual server", "known: 192.0.2.1"}}},
    });
}

TEST(Marks, choose_the_packets_and_the_port_is_checked) {
    expect_problems({
        {mark(80, vip, "\"8000-8100\"") + marked("a", "port = \"8000-8100\"\n"),
         {{10, 8,
           "virtual server \"a\": the [[mark]] of mark 80 chooses the packets; port is only "
           "checked",
           "write the one port to check, or remove it"}}},
        {mark(80, vip, "0") + marked("a", server("address = \"10.0.0.1\"\n")),
         {{5, 1, "virtual server \"a\": it is not said which port of the real servers is checked",
           "set port in [virtual_server.monitor], or type = \"none\" there"}}},
        {mark(80, vip, "0") + marked("a", "port = 80\n" + server("address = \"10.0.0.1\"\n")), {}},
    });
}

TEST(Marks, lead_to_another_port_only_by_nat) {
    const auto real = server("address = \"10.0.0.1\"\nport = 8080\n");
    expect_problems({
        {mark(80, vip, "[80, 443]") + marked("a", real), {}},
        {mark(80, vip, "[80, 443]") + marked("a", "network_type = \"direct\"\n" + real),
         {{14, 8,
           "real server \"x\" has port 8080, but direct routing leaves the ports of mark 80 as "
           "they are",
           "remove it, or use network_type = \"nat\""}}},
    });
}

TEST(Marks, one_packet_scheduling_needs_a_rule_for_udp) {
    const auto rule = [](std::string_view protocol) {
        return mark(80, vip, "53") + fmt::format("protocol = \"{}\"\n", protocol);
    };
    expect_problems({
        {rule("udp") + marked("a", "one_packet = true\n"), {}},
        {rule("tcp") + marked("a", "one_packet = true\n"),
         {{11, 14, "virtual server \"a\": one-packet scheduling is for UDP",
           "set protocol = \"udp\", or remove it"}}},
    });
}

TEST(Marks, unite_virtual_servers_that_want_the_same) {
    const auto differs = [](int line, int column, std::string_view key, int first) {
        return Problem{line, column,
                       fmt::format("virtual server \"b\" has another {} than virtual server \"a\", "
                                   "and both have mark 80",
                                   key),
                       fmt::format("virtual servers of one mark are one: write the same in both; "
                                   "the other one is in line {}",
                                   first)};
    };
    expect_problems({
        {pair_of("persistence = 60\n", "persistence = \"1m\"\nreentry_time = \"1m\"\n"), {}},
        {pair_of("persistence = 60\n", ""), {differs(11, 1, "persistence", 10)}},
        {pair_of("", "scheduler = \"rr\"\non_failure = \"drain\"\n"),
         {differs(15, 13, "scheduler", 5), differs(16, 14, "on_failure", 5)}},
        {pair_of("allow = [\"10.0.0.0/8\", \"192.0.2.0/24\"]\n",
                 "allow = [\"192.0.2.0/24\", \"10.0.0.0/8\"]\n"),
         {}},
        {pair_of("deny = \"10.0.0.0/8\"\n", "deny = \"10.0.0.0/9\"\n"),
         {differs(16, 8, "deny", 10)}},
        {pair_of("sorry_server = \"10.0.0.8\"\n", "sorry_server = \"10.0.0.9\"\n"),
         {differs(16, 16, "sorry_server", 10)}},
        {pair_of("quorum = 2\nslow_start = \"1m\"\n", "quorum = 2\nslow_start = 60\n"), {}},
        {pair_of("", "slow_start = \"1m\"\nquorum = 2\nquorum_hysteresis = 1\n"),
         {differs(15, 14, "slow_start", 5), differs(16, 10, "quorum", 5),
          differs(17, 21, "quorum_hysteresis", 5)}},
        {pair_of("load_monitor = \"rup\"\n", "load_monitor = \"ruptime\"\n"),
         {differs(16, 16, "load_monitor", 10)}},
        {pair_of("persistence = 60\n", "active = false\n"), {}},
        {pair_of("scheduler = \"rrr\"\n", ""),
         {{10, 13, "scheduler in virtual server \"a\": unknown value \"rrr\"",
           "did you mean \"rr\"?"}}},
    });
}

TEST(Marks, unite_real_servers_by_their_address) {
    const auto differs = [](int line, int column, std::string_view key, int first) {
        return Problem{
            line, column,
            fmt::format("10.0.0.1 has another {} in virtual server \"b\" than in virtual "
                        "server \"a\", and both have mark 80",
                        key),
            fmt::format("virtual servers of one mark are one: write the same in both; "
                        "the other one is in line {}",
                        first)};
    };
    const auto real = [](std::string_view lines) {
        return server(fmt::format("address = \"10.0.0.1\"\n{}", lines));
    };
    expect_problems({
        {pair_of(real("weight = 2\n"), real("weight = 2\n")), {}},
        {pair_of(real(""), server("address = \"10.0.0.2\"\nweight = 2\n")), {}},
        {pair_of(real("weight = 2\n"), real("weight = 3\nupper_threshold = 5\n")),
         {differs(22, 10, "weight", 13), differs(23, 19, "upper_threshold", 10)}},
        {pair_of(real("port = 8080\n"), real("")), {differs(19, 1, "port", 13)}},
        {pair_of(real("port = 8080\n") + "[[virtual_server.real_server]]\nname = \"y\"\n"
                                         "address = \"10.0.0.1\"\nport = 8081\n",
                 real("port = 8081\n")),
         {}},
        {pair_of(real(""), "network_type = \"direct\"\n" + real("")),
         {differs(19, 1, "network_type", 10)}},
        {pair_of("network_type = \"direct\"\n" + real(""), real("network_type = \"direct\"\n")),
         {}},
    });
}

TEST(Marks, a_sorry_server_is_no_real_server_of_another_virtual_server) {
    const std::string sorry = "sorry_server = \"10.0.0.1\"\n";
    const std::string real =
        "[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\n";
    expect_problems({
        {pair_of(sorry, sorry + real),
         {{10, 16,
           "virtual server \"a\": the sorry server 10.0.0.1 is also real server \"x\" of virtual "
           "server \"b\", and both have mark 80",
           "write another machine, or another port of it"},
          {16, 16, "virtual server \"b\": the sorry server 10.0.0.1 is also real server \"x\"",
           "write another machine, or another port of it"}}},
    });
}

TEST(Marks, unite_no_more_real_servers_than_the_scheduler_can_look_at) {
    const auto servers = [](int network, int count) {
        std::string text = "scheduler = \"twos\"\n";
        for (int i = 0; i < count; ++i) {
            text += fmt::format(
                "[[virtual_server.real_server]]\nname = \"s{0}\"\n"
                "address = \"10.0.{1}.{0}\"\n",
                i, network);
        }
        return text;
    };
    expect_problems({
        {pair_of(servers(1, 200), servers(1, 200)), {}},
        {pair_of(servers(1, 200), servers(2, 57)),
         {{611, 1, "the virtual servers of mark 80 have 257 real servers",
           "at most 256 with scheduler = \"twos\""}}},
    });
}

}  // namespace
}  // namespace shoal::config
