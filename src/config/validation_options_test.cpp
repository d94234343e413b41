#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

std::string one(std::string_view lines) {
    return service("a", "192.0.2.1/24", lines);
}
std::string server(std::string_view name, std::string_view lines) {
    return fmt::format("[[virtual_server.real_server]]\nname = \"{}\"\n{}", name, lines);
}
const std::string here = "virtual server \"a\": ";

TEST(Options, flags_belong_to_their_scheduler) {
    expect_problems({
        {one("scheduler = \"sh\"\nscheduler_flags = [\"sh-port\", \"mh-port\"]\n"),
         {{6, 31, here + "mh-port is not a flag of the scheduler sh",
           "remove it, or use scheduler = \"mh\""}}},
        {one("scheduler_flags = \"sh-fallback\"\n"),
         {{5, 19, here + "sh-fallback is not a flag of the scheduler wlc",
           "remove it, or use scheduler = \"sh\""}}},
        {one("scheduler = \"mh\"\nscheduler_flags = [\"mh-fallback\", \"mh-port\"]\n"), {}},
    });
}

TEST(Options, a_netmask_is_that_of_persistence) {
    const auto advice = "set persistence = \"5m\", or remove it";
    expect_problems({
        {one("persistence_netmask = 24\n"),
         {{5, 23, here + "persistence_netmask is set, but persistence is not", advice}}},
        {one("keep_quiesced_clients = true\n"),
         {{5, 25, here + "keep_quiesced_clients is set, but persistence is not", advice}}},
        {one("keep_quiesced_clients = false\n"), {}},
        {one("persistence = 60\npersistence_netmask = \"255.255.255.0\"\n"), {}},
    });
}

TEST(Options, every_port_is_for_persistent_virtual_servers) {
    expect_problems({
        {one("port = 0\n"),
         {{5, 8, here + "port 0, every port, is only for persistent virtual servers",
           "set persistence = \"5m\", or write a port"}}},
        {one("port = 0\npersistence = \"5m\"\n"), {}},
    });
}

TEST(Options, one_checked_port_is_known) {
    const Problem unknown{5, 8, here + "it is not said which port of the real servers is checked",
                          "set port in [virtual_server.monitor], or type = \"none\" there"};
    const auto lines = "port = 0\npersistence = \"5m\"\n";
    const auto real = server("x", "address = \"10.0.0.1\"\n");
    expect_problems({
        {one(lines + real), {unknown}},
        {one(std::string(lines) + "monitor.port = 80\n" + real), {}},
        {one(std::string(lines) + "monitor.type = \"none\"\n" + real), {}},
        {one("port = \"8000-8100\"\n" + real), {}},
    });
}

TEST(Options, only_one_port_becomes_another) {
    const auto real = server("x", "address = \"10.0.0.1\"\nport = 8080\n");
    const auto sorry = "sorry_server = { address = \"10.0.0.9\", port = 8080 }\n";
    expect_problems({
        {one("network_type = \"direct\"\n" + real),
         {{9, 8, "real server \"x\" has port 8080, but direct routing leaves 80 as it is",
           "remove it, or use network_type = \"nat\""}}},
        {one(real), {}},
        {one("network_type = \"direct\"\nport = 8080\n" + real), {}},
        {one("port = \"8000-8100\"\n" + real),
         {{9, 8,
           "real server \"x\" has port 8080, but virtual server \"a\" has several ports, and each "
           "stays as it is",
           "remove it"}}},
        {one(std::string("network_type = \"direct\"\n") + sorry),
         {{6, 47,
           "the sorry server of virtual server \"a\" has port 8080, but direct routing leaves 80 "
           "as it is",
           "remove it, or use network_type = \"nat\""}}},
        {one(sorry), {}},
        {"[global]\nnetwork_type = \"natt\"\n" + one(real),
         {{2, 16, "network_type in [global]: unknown value \"natt\"", "did you mean \"nat\"?"}}},
    });
}

TEST(Options, one_packet_scheduling_remembers_nothing) {
    const auto udp = "protocol = \"udp\"\nmonitor.type = \"none\"\none_packet = true\n";
    const auto real = server("x", "address = \"10.0.0.1\"\n");
    expect_problems({
        {one("one_packet = true\n"),
         {{5, 14, here + "one-packet scheduling is for UDP",
           "set protocol = \"udp\", or remove it"}}},
        {one(std::string(udp) + "persistence = 60\n"),
         {{7, 14, here + "one-packet scheduling remembers no client, and persistence needs it",
           "remove one of them"}}},
        {one(udp + real),
         {{7, 14,
           here + "one-packet scheduling remembers no connection, and the answers of real server "
                  "\"x\" could not be translated back",
           "set network_type = \"direct\""}}},
        {one(std::string(udp) + "sorry_server = \"10.0.0.9\"\n"),
         {{7, 14,
           here + "one-packet scheduling remembers no connection, and the answers of the sorry "
                  "server could not be translated back",
           "set network_type = \"direct\""}}},
        {one(std::string(udp) + "network_type = \"direct\"\n" + real), {}},
    });
}

TEST(Options, a_sorry_server_is_another_machine) {
    expect_problems({
        {one("sorry_server = \"192.0.2.1\"\n"),
         {{5, 16, here + "the sorry server has the virtual address 192.0.2.1",
           "write the address of the machine that serves instead"}}},
        {one("sorry_server = { address = \"10.0.0.1\" }\n" +
             server("x", "address = \"10.0.0.1\"\n")),
         {{5, 28, here + "the sorry server 10.0.0.1 is also real server \"x\"",
           "write another machine, or another port of it"}}},
        {one("sorry_server = { address = \"10.0.0.1\", port = 80 }\n" +
             server("x", "address = \"10.0.0.1\"\n")),
         {{5, 28, here + "the sorry server 10.0.0.1 is also real server \"x\"",
           "write another machine, or another port of it"}}},
        {one("sorry_server = \"10.0.0.1\"\n" + server("x", "address = \"10.0.0.1\"\nport = 80\n")),
         {{5, 16, here + "the sorry server 10.0.0.1 is also real server \"x\"",
           "write another machine, or another port of it"}}},
        {one("sorry_server = { address = \"10.0.0.1\", port = 81 }\n" +
             server("x", "address = \"10.0.0.1\"\n")),
         {}},
        {one("sorry_server = { port = 81 }\n"),
         {{5, 16, "address is missing in sorry server of virtual server \"a\"",
           "for instance address = \"10.11.12.9\""}}},
        {"global.nat_router = { address = \"10.0.0.9/24\", device = \"lan0\" }\n" +
             one("sorry_server = \"10.0.0.9\"\n"),
         {{6, 16, here + "the sorry server has the virtual address 10.0.0.9",
           "write the address of the machine that serves instead"}}},
    });
}

TEST(Options, a_client_is_allowed_or_denied) {
    expect_problems({
        {one("allow = \"10.0.0.0/8\"\ndeny = [\"10.1.0.0/16\", \"10.0.0.0/8\"]\n"),
         {{6, 24, here + "10.0.0.0/8 is both allowed and denied",
           "remove it from one of the lists"}}},
        {one("allow = [\"10.0.0.0/8\"]\ndeny = [\"10.0.0.0/9\"]\n"), {}},
    });
}

TEST(Options, the_lower_threshold_lies_below_the_upper_one) {
    const auto with = [](std::string_view thresholds) {
        return one(server("x", fmt::format("address = \"10.0.0.1\"\n{}", thresholds)));
    };
    expect_problems({
        {with("upper_threshold = 10\nlower_threshold = 11\n"),
         {{9, 19, "real server \"x\": the lower threshold, 11, is above the upper one, 10",
           "at most 10"}}},
        {with("lower_threshold = 1\n"),
         {{8, 19,
           "real server \"x\": the lower threshold, 1, is above the upper one, which is not set",
           "set upper_threshold, or remove it"}}},
        {with("upper_threshold = 10\nlower_threshold = 10\n"), {}},
    });
}

}  // namespace
}  // namespace shoal::config
