#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

std::string one(std::string_view lines) {
    return service("a", "192.0.2.1/24", lines);
}
std::string server(std::string_view lines) {
    return fmt::format("[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\n{}",
                       lines);
}
const std::string tunneling = "network_type = \"tunnel\"\n";
constexpr auto no_tunneling = "set network_type = \"tunnel\", or remove it";
constexpr auto no_gue = "set network_type = \"tunnel\" and tunnel_type = \"gue\", or remove it";

TEST(Tunnels, their_settings_are_for_tunneling) {
    expect_problems({
        {one(tunneling + server("tunnel_type = \"gre\"\n")), {}},
        {one(tunneling + "tunnel_type = \"gue\"\ntunnel_port = 7000\n" + server("")), {}},
        {one(server("network_type = \"tunnel\"\ntunnel_type = \"gue\"\ntunnel_port = 7000\n")), {}},
        {one("tunnel_type = \"gre\"\nsorry_server = { address = \"10.0.0.9\", network_type = "
             "\"tunnel\" }\n" +
             server("")),
         {}},
        {one("tunnel_type = \"gre\"\n" + server("")),
         {{5, 15,
           "virtual server \"a\": tunnel_type is set, but no real server is reached by tunneling",
           no_tunneling}}},
        {one(server("tunnel_type = \"gre\"\n")),
         {{8, 15, "real server \"x\" has a tunnel_type, but is not reached by tunneling",
           no_tunneling}}},
        {one(tunneling + server("tunnel_port = 7000\n")),
         {{9, 15, "real server \"x\" has a tunnel_port, but is not reached by GUE", no_gue}}},
        {one(tunneling + "tunnel_port = 7000\n" + server("")),
         {{6, 15, "virtual server \"a\": tunnel_port is set, but no real server is reached by GUE",
           no_gue}}},
    });
}

TEST(Tunnels, packets_keep_their_port) {
    expect_problems({
        {one(tunneling + server("port = 8080\n")),
         {{9, 8, "real server \"x\" has port 8080, but tunneling leaves 80 as it is",
           "remove it, or use network_type = \"nat\""}}},
        {one(tunneling + server("port = 80\n")), {}},
    });
}

TEST(Tunnels, the_director_itself_gets_packets_as_they_came) {
    const auto own = [](std::string_view lines) {
        return fmt::format(
            "[[virtual_server.real_server]]\nname = \"x\"\naddress = \"127.0.0.1\"\n{}", lines);
    };
    expect_problems({
        {one(own("")), {}},
        {one(own("port = 80\n")), {}},
        {one(own("port = 8080\n")),
         {{8, 8,
           "real server \"x\" is the director itself and has port 8080, but its packets stay as "
           "they came",
           "remove it, and let the service listen on the virtual server's port"}}},
    });
}

TEST(Tunnels, real_servers_of_one_mark_have_one_tunnel) {
    const auto half = [](std::string_view name, std::string_view lines) {
        return service(
            name, "192.0.2.1/24",
            fmt::format("firewall_mark = 80\nnetwork_type = \"tunnel\"\n{}{}", lines, server("")));
    };
    const auto rule = mark(80, "192.0.2.1", "[80, 443]");
    expect_problems({
        {rule + half("a", "tunnel_type = \"gre\"\n") + half("b", "tunnel_type = \"gre\"\n"), {}},
        {rule + half("a", "tunnel_type = \"gre\"\n") + half("b", "tunnel_type = \"ipip\"\n"),
         {{22, 1,
           "10.0.0.1 has another tunnel_type in virtual server \"b\" than in virtual server \"a\", "
           "and both have mark 80",
           "virtual servers of one mark are one: write the same in both; the other one is in line "
           "12"}}},
    });
}

}  // namespace
}  // namespace shoal::config
