#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

/// `lines` begin in line 5, behind one address.
std::string instance(std::string_view name, int router_id, std::string_view lines) {
    return fmt::format(
        "[[vrrp_instance]]\nname = \"{0}\"\ndevice = \"wan0\"\nrouter_id = {1}\n{2}\n", name,
        router_id, lines);
}
std::string instance(std::string_view lines) {
    return instance("i", 1, lines);
}

Problem problem(int line, int column, std::string_view message, std::string advice) {
    return {line, column, fmt::format("VRRP instance \"i\": {}", message), std::move(advice)};
}

TEST(Redundancy, the_two_directors_differ) {
    expect_problems({
        {"[redundancy]\nprimary = \"192.0.2.2\"\nbackup = \"192.0.2.3\"\n", {}},
        {"[redundancy]\nprimary = \"192.0.2.2\"\nbackup = \"192.0.2.2\"\n",
         {{3, 10, "primary and backup have the same address",
           "write the other director's address"}}},
        {"[redundancy]\nprimary_private = \"10.0.0.2\"\nbackup_private = \"2001:db8::3\"\n",
         {{3, 18, "primary_private is IPv4, backup_private is IPv6",
           "write addresses of one family"}}},
        {"[redundancy]\nbackup = \"192.0.2.2\"\n", {}},
    });
}

TEST(Redundancy, of_a_pair_has_intervals_and_programs_that_are_possible) {
    expect_problems({
        {"[redundancy]\ninterval = \"15ms\"\n",
         {{2, 12, "the heartbeat interval is not a whole number of 10 ms",
           "for instance \"100ms\""}}},
        {"[redundancy]\ninterval = \"41s\"\n",
         {{2, 12, "interval in [redundancy]: 41s is out of range", "allowed: 10ms to 40950ms"}}},
        {"[redundancy]\nactivation_command = \"run\"\n",
         {{2, 22, "activation_command: \"run\" is no absolute path",
           "begin it with /, and write each argument as a text of its own"}}},
    });
}

TEST(Redundancy, needs_devices_that_exist) {
    expect_problems(
        {{"[redundancy]\nsync_device = \"lam0\"\n",
          {{2, 15, "there is no network device \"lam0\"", "did you mean \"lan0\"?"}}},
         {instance(
              "addresses = [\"192.0.2.1/24\", { address = \"192.0.2.2/24\", device = \"x\" }]"),
          {{5, 30, "there is no network device \"x\"", "known: lan0, wan0"}}},
         {instance("addresses = \"192.0.2.1/24\"\ntrack_devices = [\"lan0\", \"x\"]"),
          {{6, 26, "there is no network device \"x\"", "known: lan0, wan0"}}}},
        {.devices = {{"lan0", "wan0"}}});
}

TEST(VrrpInstances, are_told_apart) {
    const std::string address = "addresses = \"192.0.2.1/24\"";
    expect_problems({
        {instance(address) + instance("i", 2, "addresses = \"192.0.2.2/24\""),
         {{7, 8, "two VRRP instances have the name \"i\"", "the other one is in line 2"}}},
        {instance("j", 1, address) + instance("addresses = \"192.0.2.2/24\""),
         {problem(9, 13, "another instance of IPv4 on wan0 has the router_id 1",
                  "the other one is in line 4")}},
        {instance("j", 1, address) + instance("addresses = \"2001:db8::2/64\""), {}},
        {instance("j", 2, address) + instance(address),
         {problem(10, 13, "192.0.2.1 is already an address of a VRRP instance",
                  "the other one is in line 5")}},
    });
}

TEST(VrrpInstances, have_addresses_of_one_family) {
    expect_problems({
        {instance("addresses = []"),
         {{5, 13, "addresses in VRRP instance \"i\": the list is empty",
           "for instance addresses = [\"192.0.2.80/24\"]"}}},
        {instance("addresses = [\"192.0.2.1/24\", \"2001:db8::1/64\"]"),
         {problem(5, 30, "2001:db8::1 is IPv6, 192.0.2.1 is IPv4",
                  "write it as an unadvertised address, or in another instance")}},
        {instance("addresses = \"192.0.2.1/24\"\nunadvertised_addresses = \"2001:db8::1/64\""), {}},
        {instance("addresses = \"2001:db8::1/64\"\nversion = 2"),
         {problem(5, 13, "version 2 does not know 2001:db8::1", "write version = 3")}},
        {instance("addresses = \"192.0.2.1/24\"\nsource = \"2001:db8::1\""),
         {problem(6, 10, "the source 2001:db8::1 is IPv6, and its addresses are IPv4",
                  "write an address of the same family")}},
        {instance("addresses = [{ address = \"192.0.2.1/24\", label = \"x\" }]"),
         {{5, 42, "unknown setting \"label\" in address of VRRP instance \"i\"",
           "known: address, device"}}},
    });
}

TEST(VrrpInstances, have_peers_beside_themselves) {
    expect_problems({
        {instance("addresses = \"192.0.2.1/24\"\nsource = \"192.0.2.2\"\n"
                  "unicast_peers = [\"192.0.2.2\", \"192.0.2.3\", \"192.0.2.3\"]"),
         {problem(7, 18, "its own source is no peer", "write the other director's address"),
          problem(7, 44, "the peer 192.0.2.3 stands there twice", "remove one")}},
    });
}

TEST(VrrpInstances, have_intervals_that_advertisements_can_say) {
    const std::string address = "addresses = \"192.0.2.1/24\"\n";
    expect_problems({
        {instance(address + "interval = \"41s\""),
         {problem(6, 12, "the interval of version 3 is at most 40950ms",
                  "write a shorter one, or version = 2")}},
        {instance(address + "interval = \"15ms\""),
         {problem(6, 12, "the interval is not a whole number of 10 ms", "for instance \"100ms\"")}},
        {instance(address + "interval = \"41s\"\nversion = 2"), {}},
        {instance(address + "interval = \"1500ms\"\nversion = 2"),
         {problem(6, 12, "the interval of version 2 is not a whole number of seconds",
                  "write whole seconds, or version = 3")}},
    });
}

TEST(VrrpInstances, preempt_as_their_priority_says) {
    const std::string address = "addresses = \"192.0.2.1/24\"\n";
    const std::string owner =
        "priority 255 means that the addresses are this director's own, which ";
    const std::string advice = "write a lower priority, or remove this";
    expect_problems({
        {instance(address + "preempt = false\npreempt_delay = \"5s\""),
         {problem(7, 17, "preempt_delay is set, and it does not preempt",
                  "remove it, or set preempt = true")}},
        {instance(address + "priority = 255"), {}},
        {instance(address + "priority = 255\npreempt = false\naccept = false"),
         {problem(7, 11, owner + "always preempts", advice),
          problem(8, 10, owner + "accepts packets to them", advice)}},
        {instance(address + "priority = 255\npreempt_delay = \"1s\""),
         {problem(7, 17, owner + "preempts at once", advice)}},
        {instance(address + "priority = 255\ntrack_devices = { name = \"a\", weight = -1 }"),
         {problem(7, 17, "nothing changes priority 255", "write a lower priority, or weight = 0")}},
    });
}

TEST(VrrpInstances, track_each_thing_once) {
    const std::string address = "addresses = \"192.0.2.1/24\"\n";
    const std::string command =
        "[[vrrp_instance.track_command]]\nname = \"c\"\ncommand = \"/bin/x\"\n";
    expect_problems({
        {instance(address + "track_devices = [\"a\", { name = \"a\" }]"),
         {problem(6, 23, "\"a\" is tracked twice", "remove one")}},
        {instance(address + command + command),
         {problem(10, 8, "two tracked commands have the name \"c\"", "write another name")}},
        {instance(address + "track_devices = [{ name = \"a\", weight = 254 }]"),
         {{6, 41, "weight in tracked device of VRRP instance \"i\": 254 is out of range",
           "allowed: -253 to 253"}}},
        {instance(address + "[[vrrp_instance.track_command]]\nname = \"c\"\ncommand = \"x\""),
         {{8, 11, "command: \"x\" is no absolute path",
           "begin it with /, and write each argument as a text of its own"}}},
    });
}

TEST(VrrpInstances, of_a_group_are_several) {
    const std::string first = "addresses = \"192.0.2.1/24\"\ngroup = \"g\"";
    const std::string second = "addresses = \"192.0.2.2/24\"\ngroup = \"g\"";
    expect_problems({
        {instance(first) + instance("j", 2, second), {}},
        {instance(first),
         {{6, 9, "no other VRRP instance is of the group \"g\"",
           "write the same group in another one, or remove it"}}},
    });
}

}  // namespace
}  // namespace shoal::config
