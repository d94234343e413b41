#include "config/keepalived/import.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "config/keepalived/testing.h"

namespace shoal::config::keepalived {
namespace {

using model::ForwardingMethod;
using model::milliseconds;
using model::MonitorType;
using model::Protocol;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// A VRRP instance with the addresses that the tests use: nothing is to be remarked on them.
constexpr std::string_view instance =
    "vrrp_instance V { \n interface eth0 \n virtual_router_id 5 \n virtual_ipaddress { \n"
    " 192.0.2.80/24 \n 192.0.2.81/24 dev eth1 label eth1:1 \n } \n }\n";
constexpr int instance_lines = 8;

/// A virtual server of one real server, with these lines in their blocks.
std::string service(std::string_view lines, std::string_view server_lines = "") {
    return fmt::format(
        "{}virtual_server 192.0.2.80 80 {{\nprotocol TCP\n{}\nreal_server 10.0.0.1 "
        "80 {{\n{}\n}}\n}}\n",
        instance, lines, server_lines);
}

const model::VirtualServer& only_service(const Import& imported) {
    EXPECT_EQ(imported.configuration.virtual_servers.size(), 1U);
    return imported.configuration.virtual_servers.at(0);
}

/// Of a text without remarks.
model::VirtualServer service_of(std::string_view lines, std::string_view server_lines = "") {
    const auto imported = import(service(lines, server_lines));
    EXPECT_THAT(remarks_of(imported), IsEmpty());
    return only_service(imported);
}

TEST(keepalived_import, reads_a_virtual_server) {
    const auto imported = import(service("lvs_sched rr\nlvs_method DR\ndelay_loop 10",
                                         "weight 3\nTCP_CHECK {\nconnect_timeout 3\n}"));
    EXPECT_THAT(remarks_of(imported), IsEmpty());
    const auto& value = only_service(imported);
    EXPECT_EQ(value.name, "192.0.2.80:80");
    EXPECT_EQ(value.address.to_string(), "192.0.2.80/24");
    EXPECT_EQ(value.device.label, "eth0");
    EXPECT_EQ(value.port, model::PortRange(80));
    EXPECT_EQ(value.scheduler, model::Scheduler::rr);
    EXPECT_EQ(value.network_type, ForwardingMethod::direct);
    EXPECT_EQ(value.reentry_time, milliseconds(0));
    ASSERT_EQ(value.real_servers.size(), 1U);
    EXPECT_EQ(value.real_servers[0].address.to_string(), "10.0.0.1");
    EXPECT_EQ(value.real_servers[0].weight, 3U);
    EXPECT_FALSE(value.real_servers[0].port);
    EXPECT_EQ(value.monitor.type, MonitorType::text);
    EXPECT_EQ(value.monitor.interval, seconds(10));
    EXPECT_EQ(value.monitor.timeout, seconds(3));
    // 10 s to the next check, 3 s for it, one retry after 1 s, 3 s for that.
    EXPECT_EQ(value.service_timeout, seconds(17));
}

TEST(keepalived_import, has_the_defaults_of_keepalived) {
    const auto value = service_of("", "TCP_CHECK {\n}");
    EXPECT_EQ(value.scheduler, model::Scheduler::wlc);
    EXPECT_FALSE(value.network_type);
    EXPECT_EQ(value.monitor.interval, seconds(60));
    EXPECT_EQ(value.monitor.timeout, seconds(5));
    EXPECT_EQ(value.service_timeout, seconds(71));
    EXPECT_EQ(service_of("").monitor.type, MonitorType::none);
}

TEST(keepalived_import, takes_a_service_without_a_protocol_for_udp) {
    const auto imported = import(std::string(instance) + "virtual_server 192.0.2.80 53 {\n}\n");
    EXPECT_EQ(only_service(imported).protocol, Protocol::udp);
    EXPECT_EQ(only_service(imported).name, "192.0.2.80:53-udp");
    EXPECT_THAT(remarks_of(imported),
                ElementsAre(HasSubstr(fmt::format("{}: no protocol", instance_lines + 1))));
}

struct ServiceRow {
    std::string_view lines;
    std::string_view server_lines;
    void (*check)(const model::VirtualServer& value);
};

TEST(keepalived_import, understands_each_keyword_of_a_service) {
    using Value = model::VirtualServer;
    using enum model::SchedulerFlag;
    const std::vector<ServiceRow> rows{
        {"lb_algo sed\nlb_kind TUN", "",
         [](const Value& value) {
             EXPECT_EQ(value.scheduler, model::Scheduler::sed);
             EXPECT_EQ(value.network_type, ForwardingMethod::tunnel);
         }},
        {"lvs_method TUN type gue port 5555", "",
         [](const Value& value) {
             EXPECT_EQ(value.tunnel_type, model::TunnelType::gue);
             EXPECT_EQ(value.tunnel_port, 5555);
         }},
        {"", "lvs_method TUN type gre",
         [](const Value& value) {
             EXPECT_FALSE(value.network_type);
             EXPECT_EQ(value.real_servers[0].network_type, ForwardingMethod::tunnel);
             EXPECT_EQ(value.real_servers[0].tunnel_type, model::TunnelType::gre);
         }},
        {"lvs_sched sh\nsh-port\nsh-fallback", "",
         [](const Value& value) {
             EXPECT_THAT(value.scheduler_flags, ElementsAre(sh_port, sh_fallback));
         }},
        {"lvs_sched mh\nflag-1\nflag-2", "",
         [](const Value& value) {
             EXPECT_THAT(value.scheduler_flags, ElementsAre(mh_fallback, mh_port));
         }},
        {"persistence_timeout 120\npersistence_granularity 255.255.255.0", "",
         [](const Value& value) {
             EXPECT_EQ(value.persistence, seconds(120));
             EXPECT_EQ(value.persistence_netmask->length, 24);
         }},
        {"persistence_timeout", "",
         [](const Value& value) { EXPECT_EQ(value.persistence, seconds(360)); }},
        {"inhibit_on_failure", "",
         [](const Value& value) { EXPECT_EQ(value.on_failure, model::OnFailure::drain); }},
        {"sorry_server 10.0.0.9 8080\nsorry_server_lvs_method NAT", "",
         [](const Value& value) {
             EXPECT_EQ(value.sorry_server->address.to_string(), "10.0.0.9");
             EXPECT_EQ(value.sorry_server->port, 8080);
             EXPECT_EQ(value.sorry_server->network_type, ForwardingMethod::nat);
         }},
        {"snmp_name web", "", [](const Value& value) { EXPECT_EQ(value.name, "web"); }},
        {"", "uthreshold 100\nlthreshold 50",
         [](const Value& value) {
             EXPECT_EQ(value.real_servers[0].upper_threshold, 100U);
             EXPECT_EQ(value.real_servers[0].lower_threshold, 50U);
         }},
        {"delay_loop 0.5\nretry 2\ndelay_before_retry 0.25\nconnect_timeout 0.1", "TCP_CHECK {\n}",
         [](const Value& value) {
             EXPECT_EQ(value.monitor.interval, milliseconds(500));
             EXPECT_EQ(value.monitor.timeout, milliseconds(100));
             EXPECT_EQ(value.service_timeout, milliseconds(1'300));
         }},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string(row.lines) + " | " + std::string(row.server_lines));
        row.check(service_of(row.lines, row.server_lines));
    }
}

TEST(keepalived_import, understands_each_check) {
    using Value = model::VirtualServer;
    const std::vector<ServiceRow> rows{
        {"virtualhost www.example.com",
         "HTTP_GET {\nurl {\npath /health\nstatus_code 200 300-304\nregex \"all \\\\w+\"\n"
         "regex_options caseless\n}\nnb_get_retry 2\n}",
         [](const Value& value) {
             const auto& monitor = value.monitor;
             EXPECT_EQ(monitor.type, MonitorType::http);
             EXPECT_EQ(monitor.path, "/health");
             EXPECT_EQ(monitor.host, "www.example.com");
             EXPECT_EQ(monitor.expect_pattern, "(?i)all \\w+");
             EXPECT_THAT(monitor.status,
                         ElementsAre(model::StatusRange{200, 200}, model::StatusRange{300, 304}));
             // 60 s, 5 s, and two retries of 3 s and 5 s.
             EXPECT_EQ(value.service_timeout, seconds(81));
         }},
        {"", "SSL_GET {\nenable_sni\nurl {\npath /\nvirtualhost a.example.com\n}\n}",
         [](const Value& value) {
             EXPECT_EQ(value.monitor.type, MonitorType::https);
             EXPECT_EQ(value.monitor.host, "a.example.com");
             EXPECT_THAT(value.monitor.status, ElementsAre(model::StatusRange{200, 299}));
         }},
        {"", "SMTP_CHECK {\nconnect_port 587\n}",
         [](const Value& value) {
             EXPECT_EQ(value.monitor.type, MonitorType::smtp);
             EXPECT_EQ(value.real_servers[0].monitor.port, 587);
         }},
        {"", "DNS_CHECK {\ntype A\nname www.example.com\n}",
         [](const Value& value) {
             EXPECT_EQ(value.monitor.type, MonitorType::dns);
             EXPECT_EQ(value.monitor.query_type, model::DnsType::a);
             EXPECT_EQ(value.monitor.query_name, "www.example.com");
             EXPECT_EQ(value.monitor.protocol, Protocol::udp);
         }},
        {"", "MISC_CHECK {\nmisc_path \"/usr/bin/check 'a b' 50%\"\nmisc_timeout 4\n}",
         [](const Value& value) {
             EXPECT_EQ(value.monitor.type, MonitorType::program);
             EXPECT_THAT(value.monitor.sending_program,
                         ElementsAre("/usr/bin/check", "a b", "50%%"));
             EXPECT_EQ(value.monitor.timeout, seconds(4));
         }},
        {"", "PING_CHECK {\nconnect_ip 10.9.9.9\nbindto 10.0.0.250\n}",
         [](const Value& value) {
             EXPECT_EQ(value.monitor.type, MonitorType::icmp);
             EXPECT_EQ(value.monitor.source->to_string(), "10.0.0.250");
             EXPECT_EQ(value.real_servers[0].monitor.address->to_string(), "10.9.9.9");
         }},
        {"", "UDP_CHECK {\npayload 50494e47\nrequire_reply 504f\n}",
         [](const Value& value) {
             EXPECT_EQ(value.monitor.type, MonitorType::text);
             EXPECT_EQ(value.monitor.send, "PING");
             EXPECT_EQ(value.monitor.expect, "PO");
             EXPECT_EQ(value.monitor.protocol, Protocol::udp);
         }},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.server_lines);
        row.check(service_of(row.lines, row.server_lines));
    }
}

TEST(keepalived_import, checks_the_first_host_of_several) {
    const auto imported = import(service("",
                                         "SMTP_CHECK {\nconnect_port 26\nhost {\nconnect_ip "
                                         "10.9.9.1\n}\nhost {\nconnect_ip 10.9.9.2\n"
                                         "connect_port 587\n}\n}"));
    const auto& own = only_service(imported).real_servers.at(0).monitor;
    EXPECT_EQ(own.address->to_string(), "10.9.9.1");
    EXPECT_EQ(own.port, 26);
}

TEST(keepalived_import, takes_the_innermost_virtualhost_wherever_it_stands) {
    const auto host = [](std::string_view of_url, std::string_view of_check) {
        return service_of("virtualhost a.example",
                          fmt::format("virtualhost b.example\nHTTP_GET {{\nurl {{\npath /\n{}\n}}\n"
                                      "{}\n}}",
                                      of_url, of_check))
            .monitor.host;
    };
    EXPECT_EQ(host("", ""), "b.example");
    EXPECT_EQ(host("", "virtualhost c.example"), "c.example");
    EXPECT_EQ(host("virtualhost d.example", ""), "d.example");
    EXPECT_EQ(host("virtualhost d.example", "virtualhost c.example"), "d.example");
}

TEST(keepalived_import, gives_real_servers_what_differs_of_their_checks) {
    const auto imported =
        import(std::string(instance) +
               "virtual_server 192.0.2.80 80 {\nprotocol TCP\n"
               "real_server 10.0.0.1 80 {\nHTTP_GET {\nurl {\npath /a\n}\n}\n}\n"
               "real_server 10.0.0.2 80 {\nHTTP_GET {\nurl {\npath /b\n}\nconnect_port 81\n}\n}\n"
               "real_server 10.0.0.3 80 {\nTCP_CHECK {\n}\n}\n"
               "real_server 10.0.0.4 80 {\n}\n}\n");
    const auto& servers = only_service(imported).real_servers;
    EXPECT_EQ(only_service(imported).monitor.path, "/a");
    EXPECT_EQ(servers.at(0).monitor, model::MonitorOverride{});
    EXPECT_EQ(servers.at(1).monitor.path, "/b");
    EXPECT_EQ(servers.at(1).monitor.port, 81);
    EXPECT_THAT(remarks_of(imported),
                ElementsAre(StartsWith("27: the real servers of a virtual server are checked in "),
                            StartsWith("30: this real server has no check")));
}

TEST(keepalived_import, counts_real_servers_for_a_quorum_of_weights) {
    const auto quorum = [](std::string_view lines, int servers, int weight) {
        std::string text =
            fmt::format("{}virtual_server 192.0.2.80 80 {{\nprotocol TCP\n{}\n", instance, lines);
        for (int i = 1; i <= servers; ++i)
            text += fmt::format("real_server 10.0.0.{} 80 {{\nweight {}\n}}\n", i, weight);
        const auto value = only_service(import(text + "}\n"));
        return std::pair(value.quorum, value.quorum_hysteresis);
    };
    EXPECT_EQ(quorum("quorum 3", 4, 1), std::pair(3U, 0U));
    // Lost below 2, regained at 4.
    EXPECT_EQ(quorum("quorum 3\nhysteresis 1", 4, 1), std::pair(2U, 2U));
    EXPECT_EQ(quorum("quorum 25", 4, 10), std::pair(3U, 0U));
    EXPECT_EQ(quorum("quorum 9999", 4, 1), std::pair(4U, 0U));
    EXPECT_EQ(quorum("quorum 2\nhysteresis 7", 4, 1), std::pair(1U, 2U));
}

TEST(keepalived_import, makes_a_virtual_server_of_each_member_of_a_group) {
    const auto imported =
        import(std::string(instance) +
               "virtual_server_group G {\n192.0.2.80 80\n192.0.2.80-81 443\n198.51.100.0/30 80\n}\n"
               "virtual_server group G {\nprotocol TCP\nreal_server 10.0.0.1 80 {\n}\n}\n");
    std::vector<std::string> names;
    for (const auto& value : imported.configuration.virtual_servers)
        names.push_back(value.name);
    EXPECT_THAT(names,
                ElementsAre("192.0.2.80:80", "192.0.2.80:443", "192.0.2.81:443", "198.51.100.0:80",
                            "198.51.100.1:80", "198.51.100.2:80", "198.51.100.3:80"));
    EXPECT_EQ(imported.configuration.virtual_servers[2].device.label, "eth1:1");
    EXPECT_EQ(imported.configuration.virtual_servers[1].real_servers[0].port, 80);
}

TEST(keepalived_import, assumes_which_packets_have_a_mark_and_says_so) {
    const auto imported = import(std::string(instance) +
                                 "virtual_server fwmark 7 {\n"
                                 "real_server 10.0.0.1 8080 {\nTCP_CHECK {\n}\n}\n}\n");
    const auto& value = only_service(imported);
    EXPECT_EQ(value.name, "fwmark-7");
    EXPECT_EQ(value.firewall_mark, 7U);
    EXPECT_TRUE(value.active);
    EXPECT_EQ(value.protocol, Protocol::tcp);
    ASSERT_EQ(imported.configuration.marks.size(), 1U);
    EXPECT_EQ(imported.configuration.marks[0].address.to_string(), "192.0.2.80");
    EXPECT_THAT(imported.configuration.marks[0].ports, ElementsAre(model::PortRange(8080)));
    EXPECT_THAT(remarks_of(imported), ElementsAre(HasSubstr("192.0.2.80:8080 is assumed")));
}

TEST(keepalived_import, leaves_a_mark_without_any_address_inactive) {
    const auto imported = import("virtual_server fwmark 7 {\nreal_server 2001:db8::1 80 {\n}\n}\n");
    EXPECT_FALSE(only_service(imported).active);
    EXPECT_EQ(only_service(imported).name, "fwmark-7-v6");
    EXPECT_THAT(remarks_of(imported), Contains(HasSubstr("active is false")));
}

TEST(keepalived_import, reads_global_definitions) {
    const auto imported = import(
        "global_defs {\nrouter_id lb-1\nlvs_timeouts tcp 600 tcpfin 30 udp 60\n"
        "notification_email {\nops@example.com\n}\nnotification_email_from lb@example.com\n"
        "smtp_server 10.0.0.25 587\nlvs_sync_daemon eth1 V id 9\n}\n" +
        service("smtp_alert\nquorum_down \"/bin/page 'no quorum'\" nobody"));
    const auto& global = imported.configuration.global;
    EXPECT_EQ(global.name, "lb-1");
    EXPECT_EQ(global.timeouts.established, seconds(600));
    EXPECT_EQ(global.timeouts.fin_wait, seconds(30));
    EXPECT_EQ(global.timeouts.udp, seconds(60));
    EXPECT_TRUE(imported.configuration.redundancy.sync_connections);
    EXPECT_EQ(imported.configuration.redundancy.sync_device, "eth1");
    EXPECT_EQ(imported.configuration.redundancy.sync_id, 9);
    const auto& notifications = imported.configuration.notifications;
    ASSERT_EQ(notifications.size(), 3U);
    EXPECT_THAT(notifications[0].command, ElementsAre("/bin/page", "no quorum"));
    EXPECT_THAT(notifications[0].events, ElementsAre(model::EventKind::quorum_lost));
    EXPECT_EQ(notifications[1].mail_relay, "10.0.0.25:587");
    EXPECT_THAT(notifications[1].mail_to, ElementsAre("ops@example.com"));
    EXPECT_EQ(notifications[1].mail_from, "lb@example.com");
    EXPECT_THAT(notifications[2].virtual_servers, ElementsAre("192.0.2.80:80"));
    EXPECT_THAT(remarks_of(imported),
                ElementsAre(HasSubstr("\"V\" is left out"), HasSubstr("not as \"nobody\"")));
}

TEST(keepalived_import, reads_vrrp_instances) {
    const auto imported = import(
        "vrrp_script S {\nscript \"/bin/check a\"\ninterval 2\nweight -20\n}\n"
        "vrrp_instance A {\nstate BACKUP\ninterface eth0\nvirtual_router_id 51\npriority 150\n"
        "advert_int 0.1\nversion 3\nnopreempt\nunicast_src_ip 10.0.0.2\n"
        "unicast_peer {\n10.0.0.3\n}\nvirtual_ipaddress {\n192.0.2.80/24 label eth0:1\n}\n"
        "virtual_ipaddress_excluded {\n2001:db8::80/64\n}\n"
        "track_interface {\neth1\neth2 weight -10\n}\ntrack_script {\nS\n}\n"
        "notify /bin/changed\n}\n"
        "vrrp_instance B {\ninterface eth1\nvirtual_router_id 52\nvirtual_ipaddress {\n"
        "10.0.0.254/24\n}\n}\n"
        "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n");
    EXPECT_THAT(remarks_of(imported), IsEmpty());
    const auto& instances = imported.configuration.vrrp_instances;
    ASSERT_EQ(instances.size(), 2U);
    const auto& a = instances[0];
    EXPECT_EQ(a.name, "A");
    EXPECT_EQ(a.device, "eth0");
    EXPECT_EQ(a.router_id, 51);
    EXPECT_EQ(a.priority, 150);
    EXPECT_EQ(a.version, 3);
    EXPECT_EQ(a.interval, milliseconds(100));
    EXPECT_FALSE(a.preempt);
    EXPECT_EQ(a.source->to_string(), "10.0.0.2");
    EXPECT_EQ(a.unicast_peers.at(0).to_string(), "10.0.0.3");
    EXPECT_EQ(a.addresses.at(0).device->label, "eth0:1");
    EXPECT_EQ(a.unadvertised_addresses.at(0).address.to_string(), "2001:db8::80/64");
    EXPECT_EQ(a.track_devices.at(1).weight, -10);
    EXPECT_THAT(a.track_commands.at(0).command, ElementsAre("/bin/check", "a"));
    EXPECT_EQ(a.track_commands.at(0).weight, -20);
    EXPECT_THAT(a.notify_command, ElementsAre("/bin/changed"));
    EXPECT_EQ(a.group, "G");
    EXPECT_EQ(instances[1].version, 2);
    EXPECT_EQ(instances[1].group, "G");
}

struct RemarkRow {
    std::string_view text;
    /// Of the remark, and what it says.
    int line;
    std::string_view message;
};

TEST(keepalived_import, names_by_line_what_it_cannot_keep) {
    const std::vector<RemarkRow> rows{
        // DPVS and others.
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nlb_kind FNAT\n}", 3, "none of NAT"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nladdr_group_name L\n}", 3, "laddr_group"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nsyn_proxy\n}", 3, "syn_proxy"},
        {"local_address_group L {\n10.0.0.5 eth0\n}\nglobal_defs {\n}", 1, "local_address_group"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nyandex_thing on\n}", 3, "unknown keyword"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\npersistence_timeout 0\n}", 3, "none here"},
        {"global_defs {\n}\nvirtual_server <virtual-ip-address> 80 {\n}", 3, "is no address"},
        {"global_defs {\n}\nvirtual_server {{ vip }} 80 {\n}", 3, "{{ vip }}"},
        {"virtual_server 192.0.2.80 80 {\nprotocol SCTP\n}", 1, "sctp"},
        {"vrrp_instance V {\ninterface e\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n"
         "authentication {\nauth_type PASS\nauth_pass longerthan8\n}\n}",
         7, "authentication"},
        {"global_defs {\nenable_script_security\n}", 2, "enable_script_security"},
        {"global_defs {\nruoter_id a\n}", 2, "unknown keyword \"ruoter_id\""},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nalpha\nomega\n}", 4, "omega"},
        {"virtual_server 192.0.2.80 {\nprotocol TCP\n}", 1, "every port needs persistence"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nreal_server 10.0.0.1 80 {\n"
         "BFD_CHECK {\nname b\n}\n}\n}",
         4, "BFD_CHECK is left out"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nreal_server 10.0.0.1 80 {\n"
         "HTTP_GET {\nurl {\npath /\ndigest 640205b7b0fc66c1ea91c463fac6334d\n}\n}\n}\n}",
         7, "digest"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nlvs_method DR\n"
         "real_server 10.0.0.1 8080 {\n}\n}",
         4, "only NAT changes it"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\n}\nvirtual_server 192.0.2.80 80 {\n"
         "protocol TCP\n}",
         4, "this is left out"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nreal_server 192.0.2.80 80 {\n}\n}", 3,
         "virtual address"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nsorry_server 10.0.0.9 http\n}", 3,
         "\"http\" is no port"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nsorry_server 10.0.0.9 70000\n}", 3,
         "\"70000\" is no port"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nsorry_server 127.0.0.1 8080\n}", 1,
         "port 8080 of the sorry server is left out"},
        {"virtual_server 192.0.2.80 80 {\nprotocol TCP\nvirtualhost a_b/c\n}", 3,
         "\"a_b/c\" is no host"},
        {"virtual_server 192.0.2.80 25 {\nprotocol TCP\nreal_server 10.0.0.1 25 {\n"
         "SMTP_CHECK {\nhost {\nconnect_ip 10.0.0.1\n}\nhost {\nconnect_ip 10.0.0.2\n}\n}\n}\n}",
         8, "one host is checked, the first"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.text);
        const auto imported = import(row.text);
        EXPECT_THAT(remarks_of(imported),
                    Contains(testing::AllOf(StartsWith(fmt::format("{}: ", row.line)),
                                            HasSubstr(std::string(row.message)))));
    }
}

/// The lab tests give the same ones to keepalived itself.
std::string sample(const std::string& name) {
    const auto text = read_file(std::string(SHOAL_SOURCE_DIR) + "/tests/lab/keepalived/" + name);
    EXPECT_TRUE(text) << name;
    return text.value_or("");
}

TEST(keepalived_import, reads_a_pair_with_a_web_service) {
    const auto imported = import(sample("web.conf"));
    const auto& value = only_service(imported);
    EXPECT_EQ(value.address.to_string(), "192.0.2.80/24");
    EXPECT_EQ(value.device.label, "wan0");
    EXPECT_EQ(value.persistence, seconds(300));
    EXPECT_EQ(value.sorry_server->port, std::nullopt);
    EXPECT_EQ(value.real_servers.at(1).port, 8080);
    EXPECT_EQ(value.monitor.path, "/health");
    // A weight of 1 is lost below one real server, and regained at 3: two of them.
    EXPECT_EQ(value.quorum, 1U);
    EXPECT_EQ(value.quorum_hysteresis, 1U);
    EXPECT_EQ(imported.configuration.vrrp_instances.size(), 2U);
    EXPECT_EQ(imported.configuration.vrrp_instances.at(0).group, "both");
    EXPECT_EQ(imported.configuration.notifications.size(), 2U);
    EXPECT_THAT(remarks_of(imported),
                ElementsAre(HasSubstr("smtp_connect_timeout"), HasSubstr("fall"),
                            HasSubstr("authentication"), HasSubstr("notify_master"),
                            HasSubstr("inhibit_on_failure of a real server")));
}

TEST(keepalived_import, reads_one_virtual_server_for_each_kind_of_check) {
    const auto imported = import(sample("checks.conf"));
    std::vector<MonitorType> types;
    for (const auto& value : imported.configuration.virtual_servers)
        types.push_back(value.monitor.type);
    EXPECT_THAT(types, ElementsAre(MonitorType::text, MonitorType::https, MonitorType::smtp,
                                   MonitorType::dns, MonitorType::program));
    const auto& first = imported.configuration.virtual_servers.at(0);
    EXPECT_EQ(first.real_servers.at(1).weight, 2U);
    EXPECT_EQ(first.monitor.timeout, milliseconds(2'500));
    EXPECT_TRUE(imported.configuration.virtual_servers.at(3).one_packet);
    EXPECT_THAT(remarks_of(imported),
                ElementsAre(HasSubstr("in no vrrp_instance"), HasSubstr("alpha"),
                            HasSubstr("helo_name"), HasSubstr("PING_CHECK is left out")));
}

TEST(keepalived_import, reads_groups_marks_and_lines_for_one_host) {
    const auto imported = import(sample("groups.conf"), "backup");
    EXPECT_EQ(imported.configuration.global.name, "backup");
    EXPECT_EQ(imported.configuration.virtual_servers.size(), 8U);
    EXPECT_EQ(imported.configuration.virtual_servers.back().firewall_mark, 7U);
    EXPECT_EQ(imported.configuration.virtual_servers.back().real_servers.at(0).monitor.port, 80);
}

TEST(keepalived_import, drains_where_each_real_server_says_so) {
    const std::string begin = "virtual_server 192.0.2.80 80 {\nprotocol TCP\n";
    const std::string one = "real_server 10.11.12.1 80 {\ninhibit_on_failure\n}\n";
    const std::string other = "real_server 10.11.12.2 80 {\n";
    const auto on_failure = [&](const std::string& more) {
        return only_service(import(begin + one + other + more + "}\n}\n")).on_failure;
    };
    EXPECT_EQ(on_failure("inhibit_on_failure\n"), model::OnFailure::drain);
    EXPECT_EQ(on_failure(""), model::OnFailure::remove);
}

TEST(keepalived_import, gives_a_program_the_time_until_the_next_one) {
    const auto timeout = [](const std::string& inside) {
        return only_service(import("virtual_server 192.0.2.80 80 {\nprotocol TCP\ndelay_loop 30\n"
                                   "connect_timeout 3\nreal_server 10.11.12.1 80 {\n"
                                   "MISC_CHECK {\nmisc_path /bin/true\n" +
                                   inside + "}\n}\n}\n"))
            .monitor.timeout;
    };
    EXPECT_EQ(timeout(""), seconds(30));
    EXPECT_EQ(timeout("misc_timeout 4\n"), seconds(4));
}

TEST(keepalived_import, names_what_it_does_not_read_behind_a_value) {
    const auto imported = import(
        "virtual_server 192.0.2.80 80 {\n delay_loop 6 lvs_sched rr\n"
        " protocol TCP\n sorry_server 10.11.12.9 80\n}\n");
    EXPECT_THAT(remarks_of(imported),
                Contains("2: delay_loop: \"lvs_sched\" and what follows in this line is left out"));
}

/// `count` times `text`, with the number of each for {}.
std::string many(int count, std::string_view text) {
    std::string all;
    for (int i = 1; i <= count; ++i)
        all += fmt::format(fmt::runtime(text), i);
    return all;
}

std::string instance_of(std::string_view name, int id, std::string_view lines) {
    return fmt::format(
        "vrrp_instance {} {{\ninterface eth0\nvirtual_router_id {}\nvirtual_ipaddress {{\n"
        "2001:db8:9::{}/64\n}}\n{}}}\n",
        name, id, id, lines);
}

TEST(keepalived_import, leaves_out_what_there_is_too_much_of) {
    constexpr int very_many = 10'000;
    const auto groups = import(service("") + many(very_many,
                                                  "virtual_server_group g{} {{\n"
                                                  "10.0.0.0/20 80\n}}\n"));
    EXPECT_THAT(remarks_of(groups), Contains(HasSubstr("the groups have too many addresses")));

    const auto peers = import(
        instance_of("A", 1, "unicast_peer {\n" + many(very_many, "2001:db8::{:x}\n") + "}\n"));
    EXPECT_THAT(remarks_of(peers), ElementsAre(HasSubstr("too many in unicast_peer")));
    EXPECT_EQ(peers.configuration.vrrp_instances.at(0).unicast_peers.size(), 255U);

    const auto tracks = import(instance_of("A", 1, "") + instance_of("B", 2, "") +
                               "vrrp_sync_group G {\ngroup {\n" + many(1'000, "A\nB\n") +
                               "}\ntrack_interface {\n" + many(very_many, "e{}\n") + "}\n}\n");
    EXPECT_THAT(remarks_of(tracks), Contains(HasSubstr("too many in track_interface")));
    for (const auto& member : tracks.configuration.vrrp_instances)
        EXPECT_EQ(member.track_devices.size(), 255U);

    const auto servers = import(std::string(instance) + "virtual_server 192.0.2.80 80 {\n" +
                                many(very_many, "real_server 10.0.0.1 {}\n") + "}\n");
    EXPECT_THAT(remarks_of(servers), Contains(HasSubstr("too many real servers")));
    EXPECT_LE(servers.remarks.size(), max_problems + 1);
}

TEST(keepalived_import, refuses_what_is_no_keepalived_conf) {
    for (const auto* text : {"", "serial_no = 12\nvirtual web {\nactive = 1\n}\n", "[global]\n"}) {
        const auto result = try_import(text);
        ASSERT_FALSE(result) << text;
        EXPECT_THAT(result.error().at(0).message, HasSubstr("no keepalived.conf"));
    }
}

}  // namespace
}  // namespace shoal::config::keepalived
