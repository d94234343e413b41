#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

std::string v6(std::string_view lines) {
    return service("a", "2001:db8::80/64", lines);
}
std::string v4(std::string_view lines) {
    return service("a", "192.0.2.80/24", lines);
}
std::string server(std::string_view address, std::string_view lines = "") {
    return fmt::format("[[virtual_server.real_server]]\nname = \"x\"\naddress = \"{}\"\n{}",
                       address, lines);
}
const std::string tunnel = "network_type = \"tunnel\"\n";
const std::string direct = "network_type = \"direct\"\n";
constexpr auto write_v6 =
    "write an IPv6 address, or tunnel between the families: network_type = \"tunnel\"";
constexpr auto write_v4 =
    "write an IPv4 address, or tunnel between the families: network_type = \"tunnel\"";

TEST(Families, nat_and_direct_routing_keep_them) {
    const std::string here = "virtual server \"a\" the IPv6 address 2001:db8::80, and ";
    expect_problems({
        {v6(server("2001:db8:1::10")), {}},
        {v6(direct + server("2001:db8:1::10")), {}},
        {v6(server("10.0.0.1")),
         {{7, 11,
           "real server \"x\" has the IPv4 address 10.0.0.1, but " + here + "NAT keeps the family",
           write_v6}}},
        {v6(server("10.0.0.1", direct)),
         {{7, 11,
           "real server \"x\" has the IPv4 address 10.0.0.1, but " + here +
               "direct routing keeps the family",
           write_v6}}},
        {v4(server("2001:db8:1::10")),
         {{7, 11,
           "real server \"x\" has the IPv6 address 2001:db8:1::10, but virtual server \"a\" the "
           "IPv4 address 192.0.2.80, and NAT keeps the family",
           write_v4}}},
    });
}

TEST(Families, tunnels_lead_from_one_to_the_other) {
    expect_problems({
        {v6(tunnel + server("10.0.0.1")), {}},
        {v4(tunnel + server("2001:db8:1::10")), {}},
        {v6(server("2001:db8:1::10") +
            "[[virtual_server.real_server]]\nname = \"y\"\naddress = \"10.0.0.1\"\n" + tunnel),
         {}},
    });
}

TEST(Families, the_sorry_server_is_no_exception) {
    const std::string message =
        "the sorry server has the IPv4 address 10.0.0.9, but virtual server \"a\" the IPv6 address "
        "2001:db8::80, and NAT keeps the family";
    expect_problems({
        {v6("sorry_server = \"2001:db8:1::99\"\n"), {}},
        {v6("sorry_server = \"10.0.0.9\"\n"), {{5, 16, message, write_v6}}},
        {v6("sorry_server = { address = \"10.0.0.9\", network_type = \"tunnel\" }\n"), {}},
    });
}

TEST(Families, a_network_mask_is_no_longer_than_an_address) {
    expect_problems({
        {v6("persistence = 60\npersistence_netmask = 64\n"), {}},
        {v6("persistence = 60\npersistence_netmask = \"/128\"\n"), {}},
        {v4("persistence = 60\npersistence_netmask = 33\n"),
         {{6, 23, "virtual server \"a\": persistence_netmask = 33 is longer than an IPv4 address",
           "at most 32"}}},
    });
}

TEST(Families, access_lists_are_of_the_clients_family) {
    expect_problems({
        {v6("allow = [\"2001:db8::/32\"]\ndeny = [\"2001:db8:66::/48\"]\n"), {}},
        {v6("allow = [\"2001:db8::/32\", \"10.0.0.0/8\"]\n"),
         {{5, 27,
           "virtual server \"a\": 10.0.0.0/8 in allow is IPv4, but all clients of 2001:db8::80 are "
           "IPv6",
           "remove it"}}},
        {v4("deny = [\"2001:db8::/32\"]\n"),
         {{5, 9,
           "virtual server \"a\": 2001:db8::/32 in deny is IPv6, but all clients of 192.0.2.80 are "
           "IPv4",
           "remove it"}}},
    });
}

TEST(Families, a_mark_of_each_is_a_virtual_server_of_its_own) {
    const auto marked = [](std::string_view name, std::string_view address,
                           std::string_view scheduler) {
        return service(name, address,
                       fmt::format("firewall_mark = 1\nscheduler = \"{}\"\n"
                                   "[virtual_server.monitor]\ntype = \"none\"\n",
                                   scheduler));
    };
    const auto four = marked("a", "192.0.2.80", "rr");
    const auto six = marked("b", "2001:db8::80", "wlc");
    expect_problems({
        {four + six + mark(1, "192.0.2.80", "80") + mark(1, "2001:db8::80", "80"), {}},
        {six + four + mark(1, "192.0.2.80", "80"),
         {{5, 17, "virtual server \"b\": no [[mark]] sets mark 1",
           "write a [[mark]] with value = 1, address = \"2001:db8::80\" and its ports"}}},
        {four + service("c", "2001:db8::80", "") + mark(1, "192.0.2.80", "80") +
             mark(1, "2001:db8::80", "81"),
         {{18, 9, "no virtual server of IPv6 has firewall_mark = 1",
           "set it in a virtual server, or remove the [[mark]]"}}},
    });
}

}  // namespace
}  // namespace shoal::config
