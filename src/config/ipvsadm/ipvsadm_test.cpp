#include "config/ipvsadm/ipvsadm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/toml_reader.h"
#include "config/toml_writer.h"
#include "model/choices.h"

namespace shoal::config {
namespace {

std::vector<int> lines_of(const std::vector<Problem>& problems) {
    std::vector<int> lines;
    for (const auto& problem : problems)
        lines.push_back(problem.line);
    return lines;
}

TEST(Ipvsadm, saved_rules_become_virtual_servers) {
    const auto import = import_ipvsadm(
        "-A -t 192.0.2.80:80 -s wrr -p 360 -M 255.255.255.0\n"
        "-a -t 192.0.2.80:80 -r 10.0.0.1:8080 -m -w 3 -x 100 -y 50\n"
        "-a -t 192.0.2.80:http -r 10.0.0.2:80 -m -w 0\n"
        "ipvsadm --add-service --udp-service=[2001:db8::1]:53 -s sh -b sh-port,sh-fallback -o\n"
        "-a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -i --tun-type gue --tun-port 6080 -w 1\n"
        "-a -u [2001:db8::1]:53 -r [2001:db8::3]:53 -g -w 1\n");
    ASSERT_TRUE(import) << render(import.error(), "rules", "");
    EXPECT_EQ(to_toml(import->configuration), R"([[virtual_server]]
name = "tcp 192.0.2.80 80"
address = "192.0.2.80/32"
device = "eth0"
scheduler = "wrr"
persistence = "6m"
persistence_netmask = 24
network_type = "nat"

[virtual_server.monitor]
type = "none"

[[virtual_server.real_server]]
name = "10.0.0.1 8080"
address = "10.0.0.1"
port = 8080
weight = 3
upper_threshold = 100
lower_threshold = 50

[[virtual_server.real_server]]
name = "10.0.0.2 80"
address = "10.0.0.2"
weight = 0

[[virtual_server]]
name = "udp 2001:db8::1 53"
address = "2001:db8::1/128"
device = "eth0"
protocol = "udp"
port = 53
scheduler = "sh"
scheduler_flags = ["sh-port", "sh-fallback"]
one_packet = true
network_type = "tunnel"

[virtual_server.monitor]
type = "none"

[[virtual_server.real_server]]
name = "2001:db8::2 53"
address = "2001:db8::2"
tunnel_type = "gue"
tunnel_port = 6080

[[virtual_server.real_server]]
name = "2001:db8::3 53"
address = "2001:db8::3"
network_type = "direct"
)");
    EXPECT_EQ(lines_of(import->remarks), (std::vector{1, 4}));
}

TEST(Ipvsadm, defaults_are_those_of_ipvsadm) {
    const auto import = import_ipvsadm("-A -t 192.0.2.80:21 -p\n-a -t 192.0.2.80:21 -r 10.0.0.1\n");
    ASSERT_TRUE(import);
    const auto& service = import->configuration.virtual_servers.at(0);
    EXPECT_EQ(service.persistence, std::chrono::seconds{300});
    EXPECT_EQ(service.scheduler, model::Scheduler::wlc);
    EXPECT_EQ(service.network_type, model::ForwardingMethod::direct);
    EXPECT_EQ(service.real_servers.at(0).weight, 1U);
}

TEST(Ipvsadm, flags_with_numbers_are_those_of_the_scheduler) {
    const auto flags = [](std::string_view service) {
        const auto import = import_ipvsadm(service);
        if (!import) return std::string("refused");
        std::string names = fmt::format("{}:", import->remarks.size());
        for (const auto flag : import->configuration.virtual_servers.at(0).scheduler_flags)
            names += fmt::format(" {}", model::name_of(flag));
        return names;
    };
    // Each virtual server has a remark on its device.
    EXPECT_EQ(flags("-A -t 192.0.2.80:80 -s sh -b flag-1,flag-2\n"), "1: sh-fallback sh-port");
    EXPECT_EQ(flags("-A -t 192.0.2.80:80 -b flag-2 -s mh\n"), "1: mh-port");
    EXPECT_EQ(flags("-A -t 192.0.2.80:80 -s mh -b flag-3\n"), "2:");
    EXPECT_EQ(flags("-A -t 192.0.2.80:80 -s rr -b flag-1\n"), "2:");
}

TEST(Ipvsadm, says_what_it_leaves_out) {
    const auto import = import_ipvsadm(
        "# saved\n-C\n--set 900 120 300\n-A -f 80 -s wlc\n-a -f 80 -r 10.0.0.1 -g -w 1\n"
        "-A -t 192.0.2.80:80 -s rr pe sip\n");
    ASSERT_TRUE(import);
    EXPECT_EQ(import->configuration.virtual_servers.size(), 1U);
    EXPECT_EQ(lines_of(import->remarks), (std::vector{2, 3, 4, 6, 6}));
}

TEST(Ipvsadm, tells_what_is_wrong_in_its_lines) {
    const auto lines = [](std::string_view text) {
        const auto import = import_ipvsadm(text);
        return import ? std::vector<int>() : lines_of(import.error());
    };
    EXPECT_EQ(lines("-A -t www:80\n-A -t 192.0.2.80:80 -s wlc --what\n-A -s rr\n-A -t\n"),
              (std::vector{1, 2, 3, 4}));
    EXPECT_EQ(lines("-a -t 192.0.2.80:80 -r 10.0.0.1:80 -m\n"), (std::vector{1}));
    EXPECT_EQ(lines("-A -t 192.0.2.80:80\n-a -t 192.0.2.80:80 -r 10.0.0.1 -w x\n"),
              (std::vector{2}));
    EXPECT_EQ(lines("-A -t 192.0.2.80:80\n-a -t 192.0.2.80:80 -r 10.0.0.1 -w 70000\n"),
              (std::vector{2}));
}

TEST(Ipvsadm, more_than_shoal_has_is_one_error) {
    const auto only_error = [](const std::string& text) {
        const auto import = import_ipvsadm(text);
        if (import || import.error().size() != 1) return std::string("not one error");
        return fmt::format("{}: {}", import.error()[0].line, import.error()[0].message);
    };
    std::string services;
    for (int i = 1; i <= 60'000; ++i)
        services += fmt::format("-A -t 192.0.2.80:{}\n", i);
    EXPECT_EQ(only_error(services), "16385: too many virtual servers");
    std::string servers = "-A -t 192.0.2.80:80\n";
    for (int i = 0; i < 140'000; ++i)
        servers +=
            fmt::format("-a -t 192.0.2.80:80 -r 10.{}.{}.{}\n", i / 65'536, i / 256 % 256, i % 256);
    EXPECT_EQ(only_error(servers), "131074: too many real servers in all");
}

TEST(Ipvsadm, columns_are_counted_along_long_lines) {
    std::string line = "-A -t 192.0.2.80:80";
    for (int i = 0; i < 500'000; ++i)
        line += " -s é";
    const auto import = import_ipvsadm(line + " --what\n");
    ASSERT_FALSE(import);
    EXPECT_EQ(import.error().at(0).column, 21 + 5 * 500'000);
}

TEST(Ipvsadm, messages_have_no_control_characters) {
    const auto import = import_ipvsadm("-A -f 7\x1b[2J\n");
    ASSERT_TRUE(import);
    ASSERT_EQ(import->remarks.size(), 1U);
    EXPECT_FALSE(import->remarks[0].message.contains('\x1b'));
}

TEST(Iptables, rules_that_set_marks_become_marks) {
    const auto import = import_iptables(
        "*mangle\n:PREROUTING ACCEPT [0:0]\n"
        "-A PREROUTING -d 192.0.2.80/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark "
        "0x50/0xffffffff\n"
        "-A PREROUTING -d 192.0.2.80/32 -i eth0 -p tcp -m multiport --dports 443,8000:8100 -j MARK "
        "--set-mark 80\n"
        "-A PREROUTING -d 2001:db8::1/128 -p udp -j MARK --set-xmark 0x7/0xffffffff\n"
        "-A PREROUTING -s 10.0.0.0/8 -d 192.0.2.80/32 -p tcp -j MARK --set-mark 9\n"
        "-A PREROUTING ! -d 192.0.2.80/32 -p tcp -j MARK --set-mark 9\n"
        "-A PREROUTING -p tcp -j MARK --set-mark 9\n"
        "-A PREROUTING -d 192.0.2.80/32 -p tcp -j MARK --set-xmark 0x1/0xff\n"
        "-A PREROUTING -j ACCEPT\nCOMMIT\n");
    ASSERT_TRUE(import);
    EXPECT_EQ(to_toml(import->configuration), R"([[mark]]
value = 80
address = "192.0.2.80"
ports = [80, 443, "8000-8100"]

[[mark]]
value = 7
address = "2001:db8::1"
protocol = "udp"
ports = [0]
)");
    EXPECT_EQ(lines_of(import->remarks), (std::vector{4, 6, 7, 8, 9}));
}

/// The marks of `text`, whose remarks stand in `remarks`.
std::string marks_of(std::string_view text, const std::vector<int>& remarks) {
    const auto import = import_iptables(text);
    if (!import) return render(import.error(), "rules", text);
    EXPECT_EQ(lines_of(import->remarks), remarks) << text;
    return to_toml(import->configuration);
}

constexpr std::string_view mark_80 =
    "[[mark]]\nvalue = 80\naddress = \"192.0.2.80\"\nports = [80]\n";

TEST(Iptables, rules_with_counters_are_read) {
    EXPECT_EQ(marks_of("[12:840] -A PREROUTING -d 192.0.2.80/32 -p tcp -m tcp --dport 80 -j MARK "
                       "--set-xmark 0x50/0xffffffff\n",
                       {}),
              mark_80);
}

TEST(Iptables, lines_of_scripts_are_read) {
    constexpr std::string_view rule = "-d 192.0.2.80 -p tcp --dport 80 -j MARK --set-mark 80\n";
    for (const auto* begin :
         {"iptables -t mangle -A PREROUTING ", "  /sbin/iptables -t mangle -A PREROUTING ",
          "iptables -w 5 -t mangle -I PREROUTING 1 ", "iptables -w -A PREROUTING -t mangle ",
          "iptables-legacy --table mangle --append PREROUTING "}) {
        EXPECT_EQ(marks_of(std::string(begin) + std::string(rule), {}), mark_80) << begin;
    }
    EXPECT_EQ(marks_of("iptables -A PREROUTING --destination 192.0.2.80 --protocol tcp "
                       "--destination-port 80 --jump MARK --set-mark 80\n",
                       {}),
              mark_80);
    EXPECT_EQ(marks_of("/usr/sbin/ip6tables -t mangle -A PREROUTING -d 2001:db8::1 -p udp "
                       "-j MARK --set-mark 7\n",
                       {}),
              "[[mark]]\nvalue = 7\naddress = \"2001:db8::1\"\nprotocol = \"udp\"\nports = [0]\n");
    EXPECT_EQ(marks_of("$IPT -A PREROUTING -d 192.0.2.80 -p tcp -j MARK --set-mark 80\n"
                       "iptables -t mangle -D PREROUTING -j MARK --set-mark 80\n"
                       "iptables -j MARK\niptables -A -j MARK\n",
                       {1, 2, 3, 4}),
              "");
}

TEST(Iptables, rules_of_other_chains_are_named) {
    EXPECT_EQ(marks_of("-A OUTPUT -d 192.0.2.80/32 -p tcp --dport 80 -j MARK --set-mark 80\n"
                       "-A mine -d 192.0.2.80/32 -p tcp --dport 80 -j MARK --set-mark 80\n"
                       "-A OUTPUT -j ACCEPT\n",
                       {1, 2}),
              "");
}

TEST(Iptables, a_file_without_marks_is_remarked_on) {
    EXPECT_EQ(marks_of("*filter\n-A INPUT -j ACCEPT\nCOMMIT\n", {0}), "");
    EXPECT_EQ(marks_of("", {0}), "");
}

TEST(Iptables, a_port_stands_once) {
    constexpr std::string_view rule =
        "-A PREROUTING -d 192.0.2.80/32 -i {} -p tcp --dports {} -j MARK --set-mark 80\n";
    const auto import = import_iptables(fmt::format(rule, "eth0", "80,8000:8100,80") +
                                        fmt::format(rule, "eth1", "8000:8100,443,80:80"));
    ASSERT_TRUE(import);
    ASSERT_EQ(import->configuration.marks.size(), 1U);
    EXPECT_EQ(import->configuration.marks[0].ports,
              (std::vector<model::PortRange>{80, {8000, 8100}, 443}));
}

}  // namespace
}  // namespace shoal::config
