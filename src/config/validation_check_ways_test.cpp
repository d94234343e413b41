#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

/// A virtual server whose check goes to the virtual address, which line 6 says, with one real
/// server, whose own settings begin in line 10.
std::string one(std::string_view service_lines, std::string_view server_lines = "",
                std::string_view address = "10.0.0.1") {
    return service("a", "192.0.2.1",
                   fmt::format("{}\nmonitor.to = \"virtual-address\"\n"
                               "[[virtual_server.real_server]]\nname = \"x\"\naddress = "
                               "\"{}\"\n{}",
                               service_lines, address, server_lines));
}

Problem problem(int line, int column, std::string_view why, std::string advice) {
    return {line, column,
            fmt::format("virtual server \"a\": the check of real server \"x\" cannot go to the "
                        "virtual address: {}",
                        why),
            std::move(advice)};
}

constexpr auto for_this_server = "set monitor = { to = \"real-server\" } for this real server";

TEST(CheckWays, only_who_gets_packets_to_the_virtual_address_can_be_checked_there) {
    expect_problems({
        {one("network_type = \"direct\""), {}},
        {one("network_type = \"tunnel\""), {}},
        {one("network_type = \"nat\"", "network_type = \"direct\"\n"), {}},
        {one("network_type = \"nat\"", "monitor = { to = \"real-server\" }\n"), {}},
        {one("network_type = \"nat\""),
         {problem(6, 14, "behind NAT it gets no packets to one",
                  "set network_type = \"direct\" or \"tunnel\", or to = \"real-server\"")}},
        {one("network_type = \"direct\"", "", "127.0.0.1"),
         {problem(6, 14, "it is the director itself", for_this_server)}},
        {one("network_type = \"tunnel\"", "", "2001:db8::1"),
         {problem(6, 14, "the two are of different families", for_this_server)}},
    });
}

TEST(CheckWays, a_check_has_one_address) {
    const auto* advice = "remove address from its monitor, or set to = \"real-server\"";
    expect_problems({
        {one("network_type = \"direct\"\nmonitor.address = \"10.0.9.1\""),
         {problem(7, 14, "it has a check address of its own", advice)}},
        {one("network_type = \"direct\"",
             "monitor = { to = \"virtual-address\", address = \"10.0.9.1\" }\n"),
         {problem(10, 18, "it has a check address of its own", advice)}},
    });
}

TEST(CheckWays, types_without_a_socket_of_their_own_cannot_go_there) {
    expect_problems({
        {one("network_type = \"direct\"\nmonitor.type = \"icmp\""),
         {{7, 14, "virtual server \"a\": to is not used by checks of type \"icmp\"",
           "use another type, or remove it"}}},
        {one("network_type = \"direct\"\nmonitor.type = \"none\""), {}},
    });
}

TEST(CheckWays, nothing_is_concluded_from_what_was_refused) {
    expect_problems({
        {one("network_type = \"dirct\""),
         {{5, 16, "network_type in virtual server \"a\": unknown value \"dirct\"",
           "did you mean \"direct\"?"}}},
    });
}

}  // namespace
}  // namespace shoal::config
