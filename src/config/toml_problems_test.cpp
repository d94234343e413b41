#include <gtest/gtest.h>

#include <algorithm>

#include "config/toml_reader.h"

// What is said about files that are wrong, setting by setting; contradictions between settings are
// in the tests of validation.

namespace shoal::config {
namespace {

struct Case {
    std::string text;
    Problem problem;
};

std::string server(std::string_view line) {
    return "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1\"\ndevice = \"wan0\"\n" +
           std::string(line);
}

void expect_problem(const std::vector<Case>& cases) {
    for (const auto& [text, problem] : cases) {
        const auto result = read_toml(text, {});
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error(), std::vector{problem}) << render(result.error(), "file", text);
    }
}

TEST(TomlProblems, names_the_nearest_known_setting) {
    expect_problem({
        {"[globl]\n", {1, 2, "unknown setting \"globl\" in the file", "did you mean \"global\"?"}},
        {"[global]\nnat-router = 1\n",
         {2, 1, "unknown setting \"nat-router\" in [global]", "did you mean \"nat_router\"?"}},
        {server("prot = 80\n"),
         {5, 1, "unknown setting \"prot\" in virtual server \"a\"", "did you mean \"port\"?"}},
        {"[global]\nzzzz = 1\n",
         {2, 1, "unknown setting \"zzzz\" in [global]",
          "known: name, network_type, nat_router, hook, table_size, manage_sysctl, "
          "secure_tcp, timeouts"}},
        {server("[virtual_server.monitor]\nsned = ''\n"),
         {6, 1, "unknown setting \"sned\" in monitor of virtual server \"a\"",
          "did you mean \"send\"?"}},
        {"[global]\n\"a\\u001bb\" = 1\n",
         {2, 1, "unknown setting \"a?b\" in [global]",
          "known: name, network_type, nat_router, hook, table_size, manage_sysctl, "
          "secure_tcp, timeouts"}},
    });
}

TEST(TomlProblems, names_the_kind_of_value_that_is_wanted) {
    expect_problem({
        {server("port = true\n"),
         {5, 8,
          "port in virtual server \"a\" must be a port or a range of ports, not true or false",
          "for instance port = 80"}},
        {server("persistence_netmask = 1.5\n"),
         {5, 23,
          "persistence_netmask in virtual server \"a\" must be a network mask, not a number with "
          "a fraction",
          "for instance persistence_netmask = 24"}},
        {server("sorry_server = 10\n"),
         {5, 16,
          "sorry_server in virtual server \"a\" must be an address or a table, not a whole number",
          "for instance sorry_server = \"10.11.12.9\""}},
        {server("allow = [\"10.0.0.0/8\", 10]\n"),
         {5, 24, "allow in virtual server \"a\" must be a text, not a whole number",
          "for instance allow = [\"10.0.0.0/8\"]"}},
        {server("active = 1\n"),
         {5, 10, "active in virtual server \"a\" must be true or false, not a whole number",
          "for instance active = true"}},
        {server("service_timeout = 1.5\n"),
         {5, 19,
          "service_timeout in virtual server \"a\" must be a time span, not a number with a "
          "fraction",
          "for instance service_timeout = \"6s\""}},
        {server("scheduler = 2026-11-22\n"),
         {5, 13, "scheduler in virtual server \"a\" must be a text, not a value of another kind",
          "for instance scheduler = \"wlc\""}},
        {"global = 3\n",
         {1, 10, "global in the file must be a table, not a whole number",
          "for instance global = { name = \"director-1\" }"}},
        {"[virtual_server]\nname = \"a\"\n",
         {1, 1, "virtual_server in the file must be a list of tables, not a table",
          "write [[virtual_server]]"}},
        {"virtual_server = [1]\n",
         {1, 19, "virtual_server in the file must be a list of tables, not a whole number",
          "for instance virtual_server = [{ name = \"web\", address = \"192.0.2.80/24\", device = "
          "\"wan0:1\" }]"}},
        {"[global]\nname = ['a']\n",
         {2, 8, "name in [global] must be a text, not a list", "for instance name = \"director\""}},
    });
}

TEST(TomlProblems, names_the_range) {
    const auto port = [](std::string_view value) {
        return Problem{5, 8,
                       "port in virtual server \"a\": " + std::string(value) + " is out of range",
                       "allowed: 0 to 65535"};
    };
    const auto table_size = [](std::string_view value) {
        return Problem{2, 14, "table_size in [global]: " + std::string(value) + " is out of range",
                       "allowed: a power of two from 1024 to 16777216"};
    };
    expect_problem({
        {server("port = -1\n"), port("-1")},
        {server("port = 65536\n"), port("65536")},
        {server("port = -9223372036854775808\n"), port("-9223372036854775808")},
        {"[global]\ntable_size = 512\n", table_size("512")},
        {"[global]\ntable_size = 3000\n", table_size("3000")},
        {"[global]\ntable_size = 33554432\n", table_size("33554432")},
        {server("service_timeout = \"99ms\"\n"),
         {5, 19, "service_timeout in virtual server \"a\": 99ms is out of range",
          "allowed: 100ms to 1h"}},
        {server("reentry_time = 86401\n"),
         {5, 16, "reentry_time in virtual server \"a\": 86401s is out of range",
          "allowed: 0s to 1d"}},
        {server("reentry_time = -1\n"),
         {5, 16, "reentry_time in virtual server \"a\": -1s is out of range", "allowed: 0s to 1d"}},
        {server("[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\nweight = "
                "65536\n"),
         {8, 10, "weight in real server \"x\" of virtual server \"a\": 65536 is out of range",
          "allowed: 0 to 65535"}},
        {server("mh_table_size = 4096\n"),
         {5, 17, "mh_table_size in virtual server \"a\": 4096 is out of range",
          "allowed: 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071"}},
        {server("firewall_mark = 0\n"),
         {5, 17, "firewall_mark in virtual server \"a\": 0 is out of range",
          "allowed: 1 to 4294967295"}},
        {server("persistence = 0\n"),
         {5, 15, "persistence in virtual server \"a\": 0s is out of range", "allowed: 1s to 31d"}},
        {server("persistence = 60\npersistence_netmask = 129\n"),
         {6, 23, "persistence_netmask in virtual server \"a\": 129 is out of range",
          "allowed: 1 to 128"}},
        {server("port = \"8100-8000\"\n"),
         {5, 8, "port in virtual server \"a\": \"8100-8000\" is an empty range",
          "for instance 80 or \"8000-8100\""}},
        {"[global.timeouts]\nestablished = \"8d\"\n",
         {2, 15, "established in connection timeouts: 8d is out of range", "allowed: 100ms to 7d"}},
    });
}

TEST(TomlProblems, names_the_words_that_are_known) {
    expect_problem({
        {server("scheduler = \"wcl\"\n"),
         {5, 13, "scheduler in virtual server \"a\": unknown value \"wcl\"",
          "did you mean \"wlc\"?"}},
        {server("scheduler = \"fastest\"\n"),
         {5, 13, "scheduler in virtual server \"a\": unknown value \"fastest\"",
          "known: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos"}},
        {server("scheduler_flags = [\"sh-prt\"]\nscheduler = \"sh\"\n"),
         {5, 20, "scheduler_flags in virtual server \"a\": unknown value \"sh-prt\"",
          "did you mean \"sh-port\"?"}},
        {server("on_failure = \"quiesce\"\n"),
         {5, 14, "on_failure in virtual server \"a\": unknown value \"quiesce\"",
          "known: remove, drain"}},
        {server("protocol = \"TCP\"\n"),
         {5, 12, "protocol in virtual server \"a\": unknown value \"TCP\"", "known: tcp, udp"}},
    });
}

TEST(TomlProblems, refuses_addresses_that_cannot_be_balanced) {
    const auto address = [](std::string_view text) {
        return "[[virtual_server]]\nname = \"a\"\ndevice = \"wan0\"\naddress = \"" +
               std::string(text) + "\"\n";
    };
    const std::string advice = "for instance address = \"192.0.2.80/24\"";
    const auto wrong = [&](std::string message, std::string_view advised) {
        return Problem{4, 11, "address in virtual server \"a\": " + message, std::string(advised)};
    };
    expect_problem({
        {address("192.0.2"), wrong("\"192.0.2\" is not an IP address", advice)},
        {address("192.0.2.80/33"), wrong("\"33\" is not a prefix length from 0 to 32", advice)},
        {address("2001:db8::1/129"), wrong("\"129\" is not a prefix length from 0 to 128", advice)},
        {address("::"), wrong(":: is not the address of a machine", advice)},
        {address("::1"), wrong("::1 is not the address of a machine", advice)},
        {address("ff02::1"), wrong("ff02::1 is not the address of a machine", advice)},
        {address("fe80::1/64"),
         wrong("fe80::1 holds on one link alone, and it is not said on which",
               "write a global or a unique local address")},
        {address("::ffff:192.0.2.80"), wrong("::ffff:192.0.2.80 is an IPv4 address written as IPv6",
                                             "write it as IPv4, as in 192.0.2.80")},
        {address("2001:db8::/64"),
         wrong("2001:db8::/64 names the network, not an address in it", advice)},
        {address("224.0.0.1"), wrong("224.0.0.1 is not the address of a machine", advice)},
        {address("127.0.0.1/8"), wrong("127.0.0.1 is not the address of a machine", advice)},
        {address("0.0.0.0"), wrong("0.0.0.0 is not the address of a machine", advice)},
        {address("192.0.2.0/24"),
         wrong("192.0.2.0/24 names the network, not an address in it", advice)},
        {address("192.0.2.255/24"),
         wrong("192.0.2.255/24 names the network, not an address in it", advice)},
    });
    for (const auto* good : {"192.0.2.255/31", "2001:db8::80", "2001:db8::1/64", "2001:db8::/127",
                             "fd00::ffff:ffff:ffff:ffff/64"})
        EXPECT_TRUE(read_toml(address(good), {})) << good;
}

TEST(TomlProblems, takes_ipv6_wherever_an_address_stands) {
    const auto result = read_toml(
        "[global]\nnat_router = { address = \"2001:db8:1::1/64\", device = \"lan0\" }\n"
        "[[mark]]\nvalue = 1\nports = 80\naddress = \"2001:db8::80\"\n"
        "[[virtual_server]]\nname = \"a\"\naddress = \"2001:db8::80/64\"\ndevice = \"wan0\"\n"
        "firewall_mark = 1\npersistence = 60\npersistence_netmask = 64\n"
        "sorry_server = { address = \"2001:db8:1::99\" }\n"
        "allow = [\"2001:db8::/32\", \"2001:db9::7\"]\ndeny = \"::/0\"\n"
        "[[virtual_server.real_server]]\nname = \"r\"\naddress = \"2001:db8:1::10\"\n",
        {});
    ASSERT_TRUE(result) << render(result.error(), "file", "");
    const auto& service = result->virtual_servers.at(0);
    EXPECT_EQ(service.address.to_string(), "2001:db8::80/64");
    EXPECT_EQ(service.persistence_netmask->length, 64);
    EXPECT_EQ(service.real_servers.at(0).address.to_string(), "2001:db8:1::10");
    EXPECT_EQ(service.allow.at(1).to_string(), "2001:db9::7/128");
    EXPECT_EQ(service.deny.at(0).to_string(), "::/0");
}

TEST(TomlProblems, refuses_what_is_no_network) {
    const auto access = [](std::string_view text) {
        return server("deny = \"" + std::string(text) + "\"\n");
    };
    const auto wrong = [&](std::string message, std::string_view advised) {
        return Problem{5, 8, "deny in virtual server \"a\": " + message, std::string(advised)};
    };
    expect_problem({
        {access("10.0.0.1/8"), wrong("10.0.0.1/8 is an address in a network, not the network",
                                     "10.0.0.0/8 is the network, 10.0.0.1 the address alone")},
        {access("2001:db8::1/32"),
         wrong("2001:db8::1/32 is an address in a network, not the network",
               "2001:db8::/32 is the network, 2001:db8::1 the address alone")},
        {access("::ffff:10.0.0.0/104"), wrong("::ffff:10.0.0.0 is an IPv4 address written as IPv6",
                                              "write it as IPv4, as in 192.0.2.80")},
        {access("10.0.0.0/255.0.0.0"), wrong("\"255.0.0.0\" is not a prefix length from 0 to 32",
                                             "for instance deny = [\"10.66.0.0/16\"]")},
    });
    for (const auto* good : {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.7", "224.0.0.0/4"})
        EXPECT_TRUE(read_toml(access(good), {})) << good;
}

TEST(TomlProblems, refuses_names_labels_and_strings_that_do_not_fit) {
    expect_problem({
        {"[global]\nname = \"\"\n",
         {2, 8, "name in [global]: a name needs at least one character",
          "for instance name = \"director\""}},
        {"[[device]]\nname = \"wan0:1\"\n",
         {2, 8, "name in device \"wan0:1\": \"wan0:1\" is not the name of a network device",
          "for instance name = \"wan0\""}},
        {"[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1\"\ndevice = "
         "\"wan0:12345678901\"\n",
         {4, 10,
          "device in virtual server \"a\": \"wan0:12345678901\" is longer than 15 characters",
          "for instance device = \"wan0:1\""}},
        {server("monitor.send = 'a\\x'\n"),
         {5, 16, "send in monitor of virtual server \"a\": unknown escape \"\\x\"",
          R"(printable ASCII, \n \r \t \\ \" \', at most 255 bytes)"}},
        {server("monitor.expect = 'é'\n"),
         {5, 18,
          "expect in monitor of virtual server \"a\": only printable ASCII characters can be sent "
          "or "
          "expected",
          R"(printable ASCII, \n \r \t \\ \" \', at most 255 bytes)"}},
    });
}

TEST(TomlProblems, names_what_is_missing) {
    expect_problem({
        {"[[virtual_server]]\nname = \"a\"\ndevice = \"wan0\"\n",
         {1, 1, "address is missing in virtual server \"a\"",
          "for instance address = \"192.0.2.80/24\""}},
        {server("[[virtual_server.real_server]]\nname = \"x\"\n"),
         {5, 1, "address is missing in real server \"x\" of virtual server \"a\"",
          "for instance address = \"10.11.12.1\""}},
        {"[global]\nnat_router = { address = \"10.0.0.1/24\" }\n",
         {2, 14, "device is missing in NAT router", "for instance device = \"lan0:1\""}},
    });
}

TEST(TomlProblems, reports_a_syntax_error_alone) {
    for (const std::string text :
         {"port = \nprot = 1\n", "[&", "a = 1\na = 2\n", "[global\n", "name = \"x\n", "\xff", "a.b",
          "a = [1, [2, [3, [4, [5, [6, [7, [8, [9]]]]]]]]]", "a = 1 \xc3\xa9", "\xc3\xa9 = 1",
          "a = 09'9-\xc3\xa9", "x = \"\"\"a\"\"\"\"\xc3\xa9\"", "x = 1\r", "\"\"\"x"}) {
        const auto result = read_toml(text, {});
        ASSERT_FALSE(result) << text;
        ASSERT_EQ(result.error().size(), 1U) << text;
        EXPECT_GE(result.error()[0].line, 1) << text;
        EXPECT_GE(result.error()[0].column, 1) << text;
        EXPECT_FALSE(result.error()[0].message.empty());
    }
}

TEST(TomlProblems, says_what_was_probably_meant) {
    expect_problem({
        {"[global]\nname = web\n",
         {2, 8, "syntax error: value: could not determine value type",
          "texts stand between quotation marks: name = \"web\""}},
        {"[global]\nhook = \"tc\"\nhook = \"tc\"\n",
         {3, 8, "syntax error: key-value pair: cannot redefine existing string 'hook'",
          "each key stands once in its table"}},
        {"[global]\nname = 'a'\n[&\n[global]\n", {3, 1, "syntax error: this is not TOML", ""}},
        {"[&", {1, 1, "syntax error: this is not TOML", ""}},
    });
}

TEST(TomlProblems, survives_a_file_of_dots) {
    std::string dots = "a";
    for (int i = 0; i < 1'000'000; ++i)
        dots += ".a";
    const auto result = read_toml("\n" + dots + " = 1", {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(),
              (std::vector<Problem>{{2, 1, "more than 1000 dots in one line",
                                     "write a table for each item of a long list"}}));
    // The deepest that is let through: a header and a key of as many dots as a line may have.
    const auto most = dots.substr(0, 2001);
    EXPECT_FALSE(read_toml("[" + most + "]\n" + most + " = 1", {}));
}

TEST(TomlProblems, reports_everything_at_once_in_the_order_of_the_file) {
    const auto result = read_toml(
        R"([global]
network_type = "natt"
table_size = 5
[[virtual_server]]
name = "web"
address = "192.0.2.300"
prot = 80
port = 70000
scheduler = "wcl"
[[virtual_server.real_server]]
name = "web-1"
address = "10.0.0.1"
[[virtual_server.real_server]]
name = "web-1"
weight = "heavy"
)",
        {});
    ASSERT_FALSE(result);
    std::vector<std::pair<int, std::string>> found;
    for (const auto& problem : result.error())
        found.emplace_back(problem.line, problem.message);
    EXPECT_EQ(found,
              (std::vector<std::pair<int, std::string>>{
                  {2, "network_type in [global]: unknown value \"natt\""},
                  {3, "table_size in [global]: 5 is out of range"},
                  {4, "device is missing in virtual server \"web\""},
                  {6, "address in virtual server \"web\": \"192.0.2.300\" is not an IP address"},
                  {7, "unknown setting \"prot\" in virtual server \"web\""},
                  {8, "port in virtual server \"web\": 70000 is out of range"},
                  {9, "scheduler in virtual server \"web\": unknown value \"wcl\""},
                  {13, "address is missing in real server \"web-1\" of virtual server \"web\""},
                  {14, "two real servers of virtual server \"web\" have the name \"web-1\""},
                  {15,
                   "weight in real server \"web-1\" of virtual server \"web\" must be a whole "
                   "number, not a text"}}));
}

TEST(TomlProblems, refuses_a_file_that_is_too_long) {
    const auto result = read_toml(std::string(max_file_size + 1, '#'), {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(),
              (std::vector<Problem>{{0, 0, "the file has 16777217 bytes", "at most 16777216"}}));
}

}  // namespace
}  // namespace shoal::config
