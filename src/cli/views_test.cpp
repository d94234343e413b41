#include "cli/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "api/fake_control.h"

namespace shoal::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Terminal usual{.width = 80};

/// A text as it stands on the lines below the quotation mark.
std::string block(std::string_view text) {
    return std::string(text.substr(1));
}

void expect_to_fit(const std::string& text, std::size_t width) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        EXPECT_LE(width_of(line), width) << line;
}

TEST(StatusView, shows_servers_as_ipvsadm_does) {
    EXPECT_EQ(render_status(api::test::example_status(), usual), block(R"(
director-1: shoald 0.1.0, up 6 min, adopted a running data plane
Configuration  /etc/shoal/shoal.toml
Connections    15 of 1048576, 96 MiB, 1 in the overflow map
Sweeper        ran 12 ms ago

Prot LocalAddress:Port Scheduler
  -> RemoteAddress:Port  Forward  Weight  ActiveConn  InActConn  Health    Name
TCP  192.0.2.80:80 wlc  web on wan0:1
  -> 10.11.12.1:80       Masq          1          12          3  up 4 min  web-1
  -> 10.11.12.2:80       Route         1           0          0  down 5 s  web-2
     connection refused

Device  Hook  Why
wan0    xdp   native XDP on every output device
lan0    tc    veth sends packets in bulk

Problems
  net.ipv4.ip_forward is 0; NAT needs 1
)"));
}

TEST(StatusView, names_the_table_that_connections_move_from) {
    auto status = api::test::example_status();
    status.table.former_size = 4096;
    EXPECT_THAT(render_status(status, usual),
                ::testing::HasSubstr(
                    "15 of 1048576, 96 MiB, 1 in the overflow map, moving from a table of 4096"));
}

TEST(StatusView, fits_a_narrow_terminal) {
    EXPECT_EQ(render_status(api::test::example_status(), {.width = 44}), block(R"(
director-1: shoald 0.1.0, up 6 min, adopted a running data plane
Configuration  /etc/shoal/shoal.toml
Connections    15 of 1048576, 96 MiB, 1 in the overflow map
Sweeper        ran 12 ms ago

Prot LocalAddress:Port Scheduler
  -> RemoteAddress:Port Forward Weight
     ActiveConn InActConn Health   Name
TCP  192.0.2.80:80 wlc  web on wan0:1
  -> 10.11.12.1:80      Masq         1
             12         3 up 4 min web-1
  -> 10.11.12.2:80      Route        1
              0         0 down 5 s web-2
     connection refused

Device Hook Why
wan0   xdp  native XDP on every output
            device
lan0   tc   veth sends packets in bulk

Problems
  net.ipv4.ip_forward is 0; NAT needs 1
)"));
}

TEST(StatusView, a_sweeper_that_stands_still_is_an_alarm) {
    auto status = api::test::example_status();
    status.sweeper_age_ms = 2000;
    EXPECT_THAT(render_status(status, usual), HasSubstr("ran 2000 ms ago"));
    status.sweeper_age_ms = 65'000;
    EXPECT_THAT(render_status(status, usual),
                HasSubstr("has not run for 1 min: connections do not expire"));
}

TEST(StatusView, says_what_stands_between_up_and_the_pool) {
    auto status = api::test::example_status();
    auto& servers = status.virtual_servers[0].real_servers;
    servers[0].in_pool = false;
    servers[0].weight_in_force = 0;
    EXPECT_THAT(render_status(status, usual), HasSubstr("\n     takes no new connections yet\n"));
    servers[0].enabled = false;
    EXPECT_THAT(render_status(status, usual), HasSubstr("  off       web-1\n"));
    EXPECT_THAT(render_status(status, usual), Not(HasSubstr("no new connections")));
}

TEST(StatusView, says_what_administrators_ordered) {
    using enum model::AdministrativeState;
    auto status = api::test::example_status();
    auto& servers = status.virtual_servers[0].real_servers;
    const auto expect_line = [&](const std::string& line) {
        EXPECT_THAT(render_status(status, usual), HasSubstr("\n     " + line + "\n"));
    };
    servers[0].state = draining;
    expect_line("draining: 15 connections left");
    servers[0].deadline_ms = status.now_ms + 60'000;
    servers[0].until_ms = status.now_ms + 3'600'000;
    servers[0].then = enabled;
    expect_line("draining: 15 connections left; maintenance in 1 min; enabled in 1 h 0 min");
    servers[0].deadline_ms.reset();
    servers[0].state = enabled;
    servers[0].then = maintenance;
    expect_line("enabled for a time; maintenance in 1 h 0 min");
    servers[1].state = maintenance;
    expect_line("connection refused; maintenance: 0 connections left");
    servers[1].state = disabled;
    servers[1].reason.clear();
    expect_line("disabled: out of the pool, and not checked");
    EXPECT_THAT(render_status(status, usual), HasSubstr("  disabled  web-2\n"));
}

TEST(StatusView, says_that_a_quorum_is_lost) {
    auto status = api::test::example_status();
    auto& service = status.virtual_servers[0];
    service.quorum = 2;
    service.usable = 1;
    service.quorum_lost = true;
    EXPECT_THAT(render_status(status, usual),
                HasSubstr("\n     quorum lost: it is 2, and 1 of 2 real servers can take "
                          "connections\n"));
    EXPECT_THAT(render_status(status, usual), Not(HasSubstr("no new connections")));
    service.sorry_server.emplace();
    service.real_servers[0].weight_in_force = 0;
    EXPECT_THAT(render_status(status, usual),
                HasSubstr("\n     takes no new connections: the quorum is lost\n"));
}

TEST(StatusView, shows_parts_of_weights) {
    auto status = api::test::example_status();
    auto& service = status.virtual_servers[0];
    service.weight_scale = 100;
    service.real_servers[0].weight_in_force = 55;
    EXPECT_THAT(render_status(status, usual), HasSubstr("Masq       0.55          12"));
}

TEST(StatusView, a_drained_server_and_the_sorry_server_are_told) {
    auto status = api::test::example_status();
    auto& service = status.virtual_servers[0];
    service.sorry_server.emplace().name = "sorry";
    service.sorry_server->address = *net::Address::parse("10.11.12.9");
    service.sorry_server->port = 80;
    service.sorry_server->weight = 1;
    EXPECT_THAT(render_status(status, usual), HasSubstr("standby   sorry\n"));
    service.sorry_server->in_pool = true;
    service.sorry_server->weight_in_force = 1;
    service.real_servers.erase(service.real_servers.begin());
    service.real_servers[0].in_pool = true;
    EXPECT_THAT(render_status(status, usual), HasSubstr(block(R"(
TCP  192.0.2.80:80 wlc  web on wan0:1
  -> 10.11.12.2:80       Route         0           0          0  down 5 s  web-2
     connection refused; drained: only its established connections go on
  -> 10.11.12.9:80       Masq          1           0          0  in use    sorry
)")));
}

TEST(StatusView, an_overloaded_server_says_so) {
    auto status = api::test::example_status();
    status.virtual_servers[0].real_servers[0].overloaded = true;
    EXPECT_THAT(render_status(status, usual),
                HasSubstr("\n     takes no new connections: its upper threshold is reached\n"));
}

TEST(StatusView, shows_ports_marks_and_persistence) {
    auto status = api::test::example_status();
    auto& service = status.virtual_servers[0];
    const auto title = [&] {
        const auto text = render_status(status, usual);
        const auto begin = text.find("\nTCP") + 1;
        return text.substr(begin, text.find('\n', begin) - begin);
    };
    service.port = 0;
    service.persistence_ms = 300'000;
    EXPECT_EQ(title(), "TCP  192.0.2.80:any wlc persistent 300  web on wan0:1");
    service.port = {8000, 8100};
    EXPECT_EQ(title(), "TCP  192.0.2.80:8000-8100 wlc persistent 300  web on wan0:1");
    service.firewall_mark = 80;
    service.mark_ports = {21, {10'000, 20'000}};
    service.port = 21;
    EXPECT_EQ(title(), "TCP  192.0.2.80:21 mark 80 wlc persistent 300  web on wan0:1");
    service.port = 0;
    EXPECT_EQ(title(), "TCP  192.0.2.80:21,10000-20000 mark 80 wlc persistent 300  web on wan0:1");
}

TEST(StatusView, clients_that_persistence_binds_have_a_column_of_their_own) {
    auto status = api::test::example_status();
    EXPECT_THAT(render_status(status, usual), Not(HasSubstr("Pers")));
    status.virtual_servers[0].persistence_ms = 300'000;
    status.virtual_servers[0].real_servers[0].persistent_clients = 1234;
    status.virtual_servers[0].real_servers[0].port = 0;
    const auto text = render_status(status, usual);
    EXPECT_THAT(text, HasSubstr(block(R"(
  -> RemoteAddress:Port Forward Weight Pers ActiveConn InActConn Health   Name
TCP  192.0.2.80:80 wlc persistent 300  web on wan0:1
  -> 10.11.12.1:any     Masq         1 1234         12         3 up 4 min web-1
)")));
    expect_to_fit(render_status(status, {.width = 60}).substr(text.find("Prot")), 60);
}

TEST(StatusView, a_server_that_is_down_for_another_virtual_server_of_its_mark_says_so) {
    auto status = api::test::example_status();
    status.virtual_servers[0].firewall_mark = 80;
    status.virtual_servers[0].real_servers[0].in_pool = false;
    status.virtual_servers[0].real_servers[0].weight_in_force = 0;
    EXPECT_THAT(render_status(status, usual),
                HasSubstr("\n     takes no new connections: not up for all of mark 80\n"));
}

TEST(StatusView, answers_of_real_servers_cannot_write_to_the_terminal) {
    auto status = api::test::example_status();
    status.virtual_servers[0].real_servers[1].reason = "answered \"\033]52;c;evil\a\"";
    status.problems = {"\033[2J"};
    EXPECT_THAT(render_status(status, usual), Not(HasSubstr("\033")));
}

TEST(StatusView, a_director_without_virtual_servers_says_so) {
    EXPECT_THAT(render_status({}, usual), HasSubstr("no virtual servers"));
}

TEST(StatisticsView, shows_counters_as_ipvsadm_does) {
    const auto statistics = api::statistics_of(api::test::example_status());
    EXPECT_EQ(render_statistics(statistics, usual), block(R"(
Prot LocalAddress:Port
  -> RemoteAddress:Port    Conns    InPkts   OutPkts     InBytes      OutBytes
TCP  192.0.2.80:80       1234567  98765432  87654321  7654321098  987654321012
     per second               12      1234      1100       98765      12345678
  -> 10.11.12.1:80       1234567  98765432  87654321  7654321098  987654321012
     per second               12      1234      1100       98765      12345678
  -> 10.11.12.2:80             0         0         0           0             0
Total                    1234567  98765432  87654321  7654321098  987654321012
     per second               12      1234      1100       98765      12345678

 Packets  Per s  Verdict     Meaning
98765432      0  forwarded   sent to a real server
       7      0  table_full  dropped: new connection, but the table is full
)"));
}

TEST(StatisticsView, numbers_are_brief_where_it_is_narrow) {
    const auto statistics = api::statistics_of(api::test::example_status());
    const auto text = render_statistics(statistics, {.width = 64});
    EXPECT_EQ(text, block(R"(
Prot LocalAddress:Port
  -> RemoteAddress:Port Conns InPkts OutPkts InBytes OutBytes
TCP  192.0.2.80:80      1.23M  98.8M   87.7M   7.65G     988G
     per second            12   1234    1100   98.8K    12.3M
  -> 10.11.12.1:80      1.23M  98.8M   87.7M   7.65G     988G
     per second            12   1234    1100   98.8K    12.3M
  -> 10.11.12.2:80          0      0       0       0        0
Total                   1.23M  98.8M   87.7M   7.65G     988G
     per second            12   1234    1100   98.8K    12.3M

Packets Per s Verdict    Meaning
  98.8M     0 forwarded  sent to a real server
      7     0 table_full dropped: new connection, but the table
                         is full
)"));
    expect_to_fit(text, 64);
}

TEST(StatisticsView, virtual_servers_of_a_mark_are_counted_once) {
    auto statistics = api::statistics_of(api::test::example_status());
    auto& services = statistics.virtual_servers;
    services[0].name = "http";
    services[0].firewall_mark = 80;
    services[0].real_servers.pop_back();
    services.push_back(services[0]);
    services[1].name = "https";
    services[1].port = 443;
    statistics.verdicts.clear();
    EXPECT_THAT(render_statistics(statistics, usual), HasSubstr(block(R"(
TCP  192.0.2.80:80 mark 80 1234567 98765432 87654321 7654321098 987654321012
     per second                 12     1234     1100      98765     12345678
  -> 10.11.12.1:80         1234567 98765432 87654321 7654321098 987654321012
     per second                 12     1234     1100      98765     12345678
TCP  192.0.2.80:443 mark 80: counted with http
Total                      1234567 98765432 87654321 7654321098 987654321012
)")));
    expect_to_fit(render_statistics(statistics, usual), 80);
}

TEST(StatisticsView, what_a_mark_counts_stands_at_an_active_virtual_server) {
    auto statistics = api::statistics_of(api::test::example_status());
    auto& services = statistics.virtual_servers;
    services[0].firewall_mark = 80;
    services.insert(services.begin(), services[0]);
    services[0].active = false;
    services[0].counters = {};
    services[0].rates = {};
    services[0].real_servers.clear();
    const auto text = render_statistics(statistics, usual);
    EXPECT_THAT(text, HasSubstr("TCP  192.0.2.80:80 mark 80 1234567 98765432"));
    EXPECT_THAT(text, Not(HasSubstr("counted with")));
}

TEST(StatisticsView, where_nothing_happens_no_rates_are_shown) {
    EXPECT_THAT(render_statistics({}, usual), Not(HasSubstr("per second")));
}

TEST(StatisticsView, drops_are_shown_even_where_there_are_none) {
    const auto statistics = api::statistics_of(api::test::example_status());
    EXPECT_EQ(render_drops(statistics, usual), block(R"(
Packets  Per s  Verdict     Meaning
      7      0  table_full  dropped: new connection, but the table is full
      0      0  no_route    dropped: no route to the real server or client
)"));
}

TEST(ConnectionsView, pages_make_one_table) {
    ConnectionsView view;
    EXPECT_EQ(view.render({}, usual), "");
    EXPECT_EQ(view.render({api::test::connection_from("192.0.2.7", 40000)}, usual), block(R"(
Prot  Client           Virtual        Real             State        Expires
TCP   192.0.2.7:40000  192.0.2.80:80  10.11.12.1:8080  ESTABLISHED    14:59
)"));
    auto udp = api::test::connection_from("192.0.2.123", 53);
    udp.protocol = model::Protocol::udp;
    udp.state = "UDP";
    udp.expires_in_ms = 5'000;
    EXPECT_EQ(view.render({udp}, usual), block(R"(
UDP   192.0.2.123:53   192.0.2.80:80  10.11.12.1:8080  UDP            00:05
)"));
}

TEST(ConnectionsView, templates_name_what_they_stand_for) {
    auto of_service = api::test::connection_from("192.0.2.0", 0);
    of_service.state = "TEMPLATE";
    of_service.expires_in_ms = 300'000;
    auto of_mark = of_service;
    of_mark.mark = 80;
    of_mark.virtual_port = 0;
    of_mark.real_port = 0;
    auto under_mark = api::test::connection_from("192.0.2.7", 40000);
    under_mark.mark = 80;
    ConnectionsView view;
    EXPECT_EQ(view.render({of_service, of_mark, under_mark}, usual), block(R"(
Prot  Client           Virtual        Real             State        Expires
TCP   192.0.2.0:any    192.0.2.80:80  10.11.12.1:8080  TEMPLATE       05:00
IP    192.0.2.0:any    mark 80        10.11.12.1:any   TEMPLATE       05:00
TCP   192.0.2.7:40000  192.0.2.80:80  10.11.12.1:8080  ESTABLISHED    14:59
)"));
}

TEST(ConnectionsView, addresses_are_never_cut) {
    auto connection = api::test::connection_from("2001:db8:1111:2222:3333:4444:5555:6666", 40000);
    ConnectionsView view;
    const auto text = view.render({connection}, {.width = 60});
    EXPECT_THAT(text, HasSubstr("[2001:db8:1111:2222:3333:4444:5555:6666]:40000\n"));
    expect_to_fit(text, 60);
}

TEST(SightView, a_packet_is_one_line) {
    dataplane::TraceEvent event;
    event.time_us = 1'000'000;
    event.hook = "xdp";
    event.device = "wan0";
    event.protocol = "tcp";
    event.source = "192.0.2.7:40000";
    event.destination = "192.0.2.80:80";
    event.tcp_flags = "SYN";
    event.bytes = 60;
    event.verdict = "new_connection";
    event.virtual_server = "tcp 192.0.2.80:80";
    event.real_server = "10.11.12.1:80";
    event.sent_source = "192.0.2.7:40000";
    event.sent_destination = "10.11.12.1:80";
    EXPECT_THAT(render_event(event, usual),
                ::testing::EndsWith(
                    ".000000 xdp wan0  tcp 192.0.2.7:40000 > 192.0.2.80:80 SYN 60 bytes  "
                    "new_connection  as 192.0.2.7:40000 > 10.11.12.1:80  (tcp 192.0.2.80:80)\n"));
    event.protocol.clear();
    event.sent_source.clear();
    event.real_server.clear();
    event.virtual_server.clear();
    event.verdict = "foreign";
    EXPECT_THAT(render_event(event, usual), HasSubstr("wan0  no IP packet 60 bytes  foreign\n"));
}

TEST(SightView, an_explanation_ends_with_its_verdict) {
    dataplane::Explanation explanation;
    explanation.steps = {{"virtual server", "tcp 192.0.2.80:80"}, {"scheduler", "twos"}};
    explanation.verdict = "new_connection";
    explanation.meaning = "sent";
    explanation.candidates = {"10.11.12.1:80", "10.11.12.2:80"};
    EXPECT_EQ(render_explanation(explanation, usual), block(R"(
virtual server  tcp 192.0.2.80:80
scheduler       twos
verdict         new_connection: sent
goes to         one of 10.11.12.1:80, 10.11.12.2:80
)"));
}

TEST(HealthView, shows_what_the_last_checks_saw) {
    EXPECT_EQ(render_health(api::test::example_health(), usual), block(R"(
  -> Name    Check               State        Health        Took  Next
web
  -> web-1   http 10.11.12.1:80  enabled      up 6 min    0.4 ms  in 1 s
     1 s ago: well; it said "HTTP/1.1 200 OK\r\n"
  -> web-2   http 10.11.12.2:80  maintenance  down 6 min  0.4 ms  in 1 s
     1 s ago: connection refused
mail
  -> mail-1  smtp 10.11.12.1:80  disabled     unknown          -  -
     not checked while it is disabled
)"));
}

TEST(HealthView, says_which_checks_go_to_the_virtual_address) {
    auto report = api::test::example_health();
    report.targets[0].virtual_address = *net::Address::parse("192.0.2.80");
    EXPECT_THAT(render_health(report, usual), HasSubstr("http 192.0.2.80:80 on 10.11.12.1"));
}

TEST(HealthView, says_what_is_not_checked) {
    auto report = api::test::example_health();
    report.targets.resize(1);
    report.targets[0].last_check_ms = 0;
    EXPECT_THAT(render_health(report, usual), HasSubstr("its first check has not ended"));
    report.targets[0].check = model::MonitorType::none;
    EXPECT_THAT(render_health(report, usual), HasSubstr("not checked: counts as up"));
    report.targets[0].agent = R"(its agent says maint: "no disk")";
    EXPECT_THAT(render_health(report, usual),
                HasSubstr(R"(not checked: counts as up; its agent says maint: "no disk")"));
    report.targets.clear();
    EXPECT_EQ(render_health(report, usual), "nothing is checked\n");
}

TEST(CheckNowView, shows_when_what_happened_and_how_it_ended) {
    EXPECT_EQ(render_transcript_line({.at_us = 1'234, .text = "received 2 bytes: \"OK\""}, usual),
              "    1.234 ms  received 2 bytes: \"OK\"\n");
    EXPECT_EQ(render_check_end({.outcome = "answered", .reason = {}, .latency_us = 12'345}, usual),
              "   12.345 ms  answered\n");
    EXPECT_EQ(
        render_check_end(
            {.outcome = "failed", .reason = "connection\x1b refused", .latency_us = 99}, usual),
        "    0.099 ms  failed: connection? refused\n");
}

}  // namespace
}  // namespace shoal::cli
