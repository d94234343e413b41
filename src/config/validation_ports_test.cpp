#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

constexpr auto vip = "192.0.2.1";

/// Two virtual servers at one address; the address of the second one stands in line 8.
std::string two(std::string_view first, std::string_view second) {
    return service("a", vip, fmt::format("port = {}\n", first)) +
           service("b", vip, fmt::format("port = {}\n", second));
}

TEST(Ports, belong_to_one_active_virtual_server) {
    const auto taken = [](std::string_view what) {
        return Problem{8, 11,
                       fmt::format("virtual server \"b\": 192.0.2.1 port {} of virtual server "
                                   "\"a\", and both are active",
                                   what),
                       "the other one is in line 1"};
    };
    const auto udp = "protocol = \"udp\"\nmonitor.type = \"none\"\n";
    const auto every = "0\npersistence = 60";
    const auto both_every = service("a", vip, "persistence = 60\nport = 0\n") +
                            service("b", vip, "persistence = 60\nport = 0\n");
    expect_problems({
        {two("80", "80"), {taken("80/tcp is already that")}},
        {two("80", "80\nactive = false"), {}},
        {two("80", "81"), {}},
        {two("80", std::string("80\n") + udp), {}},
        {two("\"8000-8100\"", "8100"), {taken("8100/tcp overlaps port 8000-8100")}},
        {two("8000", "\"8000-8100\""), {taken("8000-8100/tcp overlaps port 8000")}},
        {two("\"8000-8100\"", "\"8050-8200\""), {taken("8050-8200/tcp overlaps port 8000-8100")}},
        {two("\"8000-8100\"", "8101"), {}},
        {two("80", every), {}},
        {two("\"1-65535\"", every), {}},
        {both_every,
         {{9, 11,
           "virtual server \"b\": 192.0.2.1 port 0/tcp is already that of virtual server \"a\", "
           "and both are active",
           "the other one is in line 1"}}},
    });
}

TEST(Ports, each_overlap_is_named_at_the_later_one) {
    const auto third = service("c", vip, "port = \"70-90\"\n");
    const auto read = read_toml(two("80", "85") + third, {});
    ASSERT_FALSE(read);
    ASSERT_EQ(read.error().size(), 2U);
    for (const auto& problem : read.error())
        EXPECT_EQ(problem.line, 13);
}

TEST(Ports, have_one_mark_from_one_rule) {
    const auto users = service("a", vip, "firewall_mark = 80\n") +
                       service("b", "192.0.2.2", "firewall_mark = 81\n");
    const auto again = [](int column, std::string_view what, int line) {
        return Problem{8, column, fmt::format("192.0.2.1 port {}", what),
                       fmt::format("see line {}; each port stands in one rule, once", line)};
    };
    expect_problems({
        {mark(80, vip, "[80, 443]") + mark(81, vip, "[25, 443]") + users,
         {again(14, "443/tcp has mark 80 already by 443", 4)}},
        {mark(80, vip, "\"10000-20000\"") + mark(81, vip, "15000") + users,
         {again(9, "15000/tcp has mark 80 already by 10000-20000", 4)}},
        {mark(80, vip, "80") + mark(81, vip, "0") + users,
         {again(9, "0/tcp has mark 80 already by 80", 4)}},
        {mark(80, vip, "80") + mark(81, vip, "[90, \"85-95\"]") + users,
         {again(14, "85-95/tcp has mark 81 already by 90", 8)}},
        {mark(80, vip, "80") + mark(81, "192.0.2.2", "80") + users, {}},
        {mark(80, vip, "80") + mark(81, vip, "80\nprotocol = \"udp\"") + users, {}},
    });
}

TEST(Ports, that_a_mark_takes_reach_no_other_virtual_server) {
    const auto user = service("m", vip, "firewall_mark = 80\n");
    const auto covered = [](int line, std::string_view port, int first) {
        return Problem{
            line, 8,
            fmt::format("virtual server \"a\" is never reached: the packets to 192.0.2.1 "
                        "port {}/tcp have mark {}",
                        port, first),
            fmt::format("use firewall_mark = {} instead of port, or take the port out "
                        "of the [[mark]]",
                        first)};
    };
    const auto plain = [](std::string_view port) {
        return service("a", vip, fmt::format("port = {}\n", port));
    };
    expect_problems({
        {mark(80, vip, "[80, 443]") + plain("443") + user, {covered(9, "443", 80)}},
        {mark(80, vip, "[80, \"81-90\"]") + plain("\"80-90\"") + user, {covered(9, "80-90", 80)}},
        {mark(80, vip, "[80, \"82-90\"]") + plain("\"80-90\"") + user, {}},
        {mark(80, vip, "\"1-65535\"") + plain("0\npersistence = 60") + user, {covered(9, "0", 80)}},
        {mark(80, vip, "[80, 443]") + plain("0\npersistence = 60") + user, {}},
        {mark(80, vip, "443") + plain("443") + user.substr(0, user.size()) + "active = false\n",
         {}},
        {mark(80, vip, "443") + plain("443\nactive = false") + user, {}},
    });
}

}  // namespace
}  // namespace shoal::config
