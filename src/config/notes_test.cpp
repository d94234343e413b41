#include "config/notes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "config/toml_reader.h"

namespace shoal::config {
namespace {

std::vector<Problem> notes(std::string_view text) {
    const auto configuration = read_toml(text, {});
    if (configuration) return notes_on(*configuration, text);
    ADD_FAILURE() << render(configuration.error(), "file", text);
    return {};
}

/// Lines 1 to 4, unless a mark comes before.
std::string service(std::string_view lines) {
    return fmt::format(
        "[[virtual_server]]\nname = \"ftp\"\naddress = \"192.0.2.21\"\ndevice = \"wan0\"\n{}",
        lines);
}
/// Lines 1 to 4.
std::string mark(std::string_view ports) {
    return fmt::format("[[mark]]\nvalue = 21\naddress = \"192.0.2.21\"\nports = {}\n", ports);
}
constexpr std::string_view server =
    "[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\n";

TEST(Notes, a_web_site_has_none) {
    EXPECT_TRUE(notes(service(server)).empty());
    for (const auto* example : {"nat.toml", "direct-routing.toml", "web-marks.toml"}) {
        const auto text = read_file(fmt::format("{}/examples/{}", SHOAL_SOURCE_DIR, example));
        EXPECT_TRUE(notes(text.value()).empty()) << example;
    }
}

TEST(Notes, redundancy_is_not_yet_running) {
    const std::string message = "redundancy is not yet running: it is read, checked and kept";
    const std::string advice = "let this director be the only one";
    EXPECT_EQ(notes("\n[redundancy]\nactive = true\n"),
              (std::vector<Problem>{{2, 1, message, advice}}));
    EXPECT_TRUE(notes("[redundancy]\nbackup = \"192.0.2.3\"\n").empty());
    EXPECT_EQ(notes("[[vrrp_instance]]\nname = \"a\"\ndevice = \"wan0\"\nrouter_id = 1\n"
                    "addresses = \"192.0.2.80/24\"\n"),
              (std::vector<Problem>{{1, 1, message, advice}}));
}

TEST(Notes, load_monitoring_is_not_load_balancing) {
    const auto with = [](std::string_view scheduler) {
        return notes(service(fmt::format(
            "port = 80\nscheduler = \"{}\"\nload_monitor = \"rup\"\n{}", scheduler, server)));
    };
    for (const auto* scheduler : {"wrr", "wlc", "lblc", "lblcr", "sed", "nq", "sh", "mh"}) {
        const auto found = with(scheduler);
        ASSERT_EQ(found.size(), 1U) << scheduler;
        EXPECT_EQ(found[0].line, 7);
        EXPECT_NE(found[0].message.find("load monitoring is not load balancing"), std::string::npos)
            << found[0].message;
    }
    const auto unweighted = with("rr");
    ASSERT_EQ(unweighted.size(), 1U);
    EXPECT_NE(unweighted[0].message.find("does not look at weights"), std::string::npos);
}

TEST(Notes, a_quorum_can_be_reached) {
    EXPECT_EQ(notes(service(fmt::format("port = 80\nquorum = 2\n{}", server))),
              (std::vector<Problem>{{6, 10,
                                     "virtual server \"ftp\": the quorum, 2, is more than its 1 "
                                     "active real servers: it is never reached",
                                     "at most 1"}}));
    EXPECT_EQ(notes(service(fmt::format("port = 80\nquorum_hysteresis = 1\n{}", server))),
              (std::vector<Problem>{{6, 21,
                                     "virtual server \"ftp\": once lost, the quorum needs 2 real "
                                     "servers, and there are 1",
                                     "at most 0"}}));
    EXPECT_TRUE(notes(service(fmt::format("port = 80\nquorum = 1\n{}", server))).empty());
}

TEST(Notes, flap_damping_lengthens_the_reentry_time) {
    EXPECT_EQ(
        notes(service(fmt::format("port = 80\nflap_damping = \"10s\"\n{}", server))),
        (std::vector<Problem>{{6, 16,
                               "virtual server \"ftp\": the re-entry time is 15s already, and flap "
                               "damping ends at 10s",
                               "write a longer time, or remove it"}}));
    EXPECT_TRUE(
        notes(service(fmt::format("port = 80\nflap_damping = \"2m\"\n{}", server))).empty());
    EXPECT_EQ(
        notes(service(
            fmt::format("port = 80\nflap_damping = \"2m\"\nreentry_time = \"0s\"\n{}", server))),
        (std::vector<Problem>{
            {6, 16, "virtual server \"ftp\": flap damping doubles the re-entry time, which is 0",
             "set reentry_time, or remove it"}}));
}

TEST(Notes, a_tunnel_takes_room_of_the_way) {
    const auto text = service(
        fmt::format("port = 80\nnetwork_type = \"tunnel\"\ntunnel_type = \"gre\"\n{}", server));
    const auto configuration = read_toml(text, {});
    ASSERT_TRUE(configuration);
    PathMtus mtus{{{"wan0", 1500}}, {{net::Address::parse("10.0.0.1").value(), {"lan0", 1523}}}};
    EXPECT_EQ(notes_on(*configuration, text, mtus),
              (std::vector<Problem>{
                  {8, 1,
                   "virtual server \"ftp\": packets of more than 1499 bytes do not fit through the "
                   "tunnel to real server \"x\", and wan0 takes 1500",
                   "give lan0 an MTU of 1524, or let the real servers announce segments of 1459 "
                   "bytes (advmss of their routes)"}}));
    mtus.real_servers.begin()->second.second = 1524;
    EXPECT_TRUE(notes_on(*configuration, text, mtus).empty());
    EXPECT_TRUE(notes_on(*configuration, text).empty());
}

TEST(Notes, a_tunnel_is_too_narrow_for_what_every_way_must_carry) {
    constexpr std::string_view lines =
        "[[virtual_server]]\nname = \"web\"\naddress = \"{}\"\ndevice = \"wan0\"\nport = 80\n"
        "network_type = \"tunnel\"\ntunnel_type = \"{}\"\n"
        "[[virtual_server.real_server]]\nname = \"x\"\naddress = \"{}\"\n";
    struct Case {
        const char* virtual_address;
        const char* type;
        const char* real_address;
        std::uint32_t mtu;  // the least that fits
        const char* needs;
    };
    for (const auto& [virtual_address, type, real_address, mtu, needs] : {
             Case{"2001:db8::80", "ipip", "2001:db8:a::1", 1320, "IPv6 needs 1280"},
             Case{"2001:db8::80", "gue", "2001:db8:a::1", 1332, "IPv6 needs 1280"},
             Case{"2001:db8::80", "gre", "10.0.0.1", 1304, "IPv6 needs 1280"},
             Case{"192.0.2.80", "ipip", "10.0.0.1", 596, "IPv4 needs 576"},
             Case{"192.0.2.80", "gre", "2001:db8:a::1", 620, "IPv4 needs 576"},
         }) {
        const auto text = fmt::format(lines, virtual_address, type, real_address);
        const auto configuration = read_toml(text, {});
        ASSERT_TRUE(configuration) << text;
        PathMtus mtus{{}, {{net::Address::parse(real_address).value(), {"lan0", mtu - 1}}}};
        const auto found = notes_on(*configuration, text, mtus);
        ASSERT_EQ(found.size(), 1U) << text;
        EXPECT_NE(found[0].message.find(needs), std::string::npos) << found[0].message;
        EXPECT_EQ(found[0].advice, fmt::format("give lan0 an MTU of {} at least", mtu));
        mtus.real_servers.begin()->second.second = mtu;
        EXPECT_TRUE(notes_on(*configuration, text, mtus).empty()) << text;
    }
}

TEST(Notes, ftp_needs_more_than_port_21) {
    EXPECT_EQ(
        notes(service("port = 21\n")),
        (std::vector<Problem>{
            {5, 8, "virtual server \"ftp\": passive data connections of FTP reach no real server",
             "set persistence = \"5m\", which takes the ports 1024-65535 too, or make a [[mark]] "
             "with ports = [21, \"10000-20000\"]"}}));
    EXPECT_EQ(
        notes(mark("21") + service("firewall_mark = 21\npersistence = \"5m\"\n")),
        (std::vector<Problem>{
            {9, 17, "virtual server \"ftp\": passive data connections of FTP reach no real server",
             "add their range to the ports of the [[mark]]: ports = [21, \"10000-20000\"]"}}));
    EXPECT_TRUE(notes(service("port = 21\nactive = false\n")).empty());
    EXPECT_TRUE(notes(service("port = 21\nprotocol = \"udp\"\nmonitor.type = \"none\"\n")).empty());
}

TEST(Notes, vsftpd_behind_nat_must_know_the_virtual_address_and_ports) {
    const auto message =
        "virtual server \"ftp\": behind NAT, the addresses that FTP speaks of are not rewritten";
    EXPECT_EQ(
        notes(service(fmt::format("port = 21\npersistence = \"5m\"\n{}", server))),
        (std::vector<Problem>{{5, 8, message,
                               "vsftpd.conf of its real servers needs pasv_address=192.0.2.21, and "
                               "pasv_min_port and pasv_max_port within 1024-65535"}}));
    const auto example = read_file(SHOAL_SOURCE_DIR "/examples/ftp.toml").value();
    const auto found = notes(example);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].advice,
              "vsftpd.conf of its real servers needs pasv_address=192.0.2.21, and pasv_min_port "
              "and pasv_max_port within 10000-20000");
}

TEST(Notes, with_direct_routing_only_the_ports_of_a_mark_matter) {
    const auto lines = fmt::format("persistence = \"5m\"\nnetwork_type = \"direct\"\n{}", server);
    EXPECT_TRUE(notes(service("port = 21\n" + lines)).empty());
    EXPECT_EQ(notes(mark("[21, \"500-2000\"]") + service("firewall_mark = 21\n" + lines)),
              (std::vector<Problem>{
                  {9, 17,
                   "virtual server \"ftp\": only the data connections to the ports of the mark "
                   "reach it",
                   "vsftpd.conf of its real servers needs pasv_min_port and pasv_max_port within "
                   "1024-2000"}}));
}

TEST(Notes, a_mark_of_several_ports_asks_for_persistence) {
    const auto https =
        "[[virtual_server]]\nname = \"b\"\naddress = \"192.0.2.21\"\n"
        "device = \"wan0\"\nfirewall_mark = 21\n";
    const std::vector<Problem> expected{
        {9, 17,
         "virtual server \"ftp\": without persistence, connections of one client to the ports of "
         "mark 21 may reach different real servers",
         "set persistence = \"5m\", if they belong together"}};
    EXPECT_EQ(notes(mark("[80, 443]") + service("firewall_mark = 21\n") + https), expected);
    EXPECT_EQ(notes(mark("\"80-81\"") + service("firewall_mark = 21\n")), expected);
    EXPECT_TRUE(notes(mark("80") + service("firewall_mark = 21\n")).empty());
}

TEST(Notes, a_persistent_mark_translates_no_port) {
    EXPECT_EQ(notes(mark("[80, 443]") +
                    service(fmt::format("firewall_mark = 21\npersistence = 60\n{}port = 8080\n",
                                        server))),
              (std::vector<Problem>{
                  {14, 8,
                   "real server \"x\": with a firewall mark and persistence the packets keep their "
                   "port; 8080 is only checked",
                   "set port in [virtual_server.monitor] instead"}}));
}

TEST(Notes, a_virtual_address_without_its_mark_gets_no_packets) {
    const auto other =
        "[[virtual_server]]\nname = \"b\"\naddress = \"192.0.2.22\"\n"
        "device = \"wan0\"\nfirewall_mark = 21\n";
    EXPECT_EQ(notes(mark("80") + service("firewall_mark = 21\n") + other),
              (std::vector<Problem>{
                  {14, 17,
                   "virtual server \"b\": no [[mark]] sets mark 21 on packets to its address, "
                   "192.0.2.22",
                   "write one, if clients are to use this address"}}));
}

TEST(Notes, are_shown_as_notes) {
    EXPECT_EQ(render_notes({{2, 1, "message", "advice"}}, "f", "a\nb\n"),
              "f:2:1: note: message\n    2 | b\n      | ^\n        advice\n");
}

}  // namespace
}  // namespace shoal::config
