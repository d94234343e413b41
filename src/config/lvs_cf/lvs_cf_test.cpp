#include "config/lvs_cf/lvs_cf.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "config/problem_list.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"

namespace shoal::config {
namespace {

Import import(std::string_view text) {
    auto read = import_lvs_cf(text);
    if (read) return std::move(*read);
    ADD_FAILURE() << render(read.error(), "lvs.cf", text);
    return {};
}

std::vector<Problem> problems(std::string_view text) {
    const auto read = import_lvs_cf(text);
    return read ? std::vector<Problem>() : read.error();
}

/// An active virtual server with one server; `lines` begin in line 5.
std::string web(std::string_view lines) {
    return fmt::format(
        "virtual web {{\n active = 1\n address = 192.0.2.80 eth0:1\n vip_nmask = 255.255.255.0\n"
        "{}\n server one {{\n  address = 10.11.12.1\n  active = 1\n }}\n}}\n",
        lines);
}
model::VirtualServer service(std::string_view lines) {
    return import(web(lines)).configuration.virtual_servers.at(0);
}

// As Piranha's web tool wrote it.
constexpr std::string_view complete = R"(serial_no = 42
primary = 192.0.2.2
primary_private = 10.11.12.2
service = lvs
backup_active = 1
backup = 192.0.2.3
backup_private = 10.11.12.3
heartbeat = 1
heartbeat_port = 539
keepalive = 6
deadtime = 18
network = nat
nat_router = 10.11.12.254 eth1:1
nat_nmask = 255.255.255.0
debug_level = NONE
monitor_links = 1
syncdaemon = 0
virtual web {
     active = 1
     address = 192.0.2.80 eth0:1
     vip_nmask = 255.255.255.0
     port = 80
     persistent = 300
     pmask = 255.255.255.0
     send = "GET / HTTP/1.0\r\n\r\n"
     expect = "HTTP"
     use_regex = 0
     load_monitor = none
     scheduler = wlc
     protocol = tcp
     timeout = 6
     reentry = 15
     quiesce_server = 1
     server one {
         address = 10.11.12.1
         active = 1
         port = 8080
         weight = 3
     }
     server two {
         address = 10.11.12.2
         active = 0
         weight = 0
     }
}
)";

TEST(LvsCf, of_the_web_tool_becomes_a_shoal_toml) {
    const auto [configuration, remarks] = import(complete);
    EXPECT_EQ(to_toml(configuration), R"([global]
nat_router = { address = "10.11.12.254/24", device = "eth1:1" }

[redundancy]
active = true
primary = "192.0.2.2"
primary_private = "10.11.12.2"
backup = "192.0.2.3"
backup_private = "10.11.12.3"
interval = "6s"
monitor_links = true

[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "eth0:1"
persistence = "5m"
persistence_netmask = 24
quiesce_server = true
on_failure = "drain"

[[virtual_server.real_server]]
name = "one"
address = "10.11.12.1"
port = 8080
weight = 3

[[virtual_server.real_server]]
name = "two"
address = "10.11.12.2"
active = false
)");
    std::vector<int> lines;
    for (const auto& remark : remarks)
        lines.push_back(remark.line);
    EXPECT_EQ(lines, (std::vector{1, 8, 9, 15, 43}));
}

TEST(LvsCf, has_piranhas_defaults) {
    const auto web = service(" port = 25");
    EXPECT_EQ(web.service_timeout, std::chrono::seconds{10});
    EXPECT_EQ(web.reentry_time, std::chrono::seconds{180});
    EXPECT_EQ(web.scheduler, model::Scheduler::wlc);
    EXPECT_EQ(web.monitor, model::Monitor{});
    const auto inactive = import(
        "virtual a {\n address = 192.0.2.1 eth0\n server s {\n"
        " address = 10.0.0.1\n }\n}\n");
    EXPECT_FALSE(inactive.configuration.virtual_servers.at(0).active);
    EXPECT_FALSE(inactive.configuration.virtual_servers.at(0).real_servers.at(0).active);
    EXPECT_EQ(service(" reentry = 0").reentry_time, std::chrono::seconds{180});
}

TEST(LvsCf, has_nannys_escapes) {
    EXPECT_EQ(service(R"( send = "a\n\r\t\\\q")").monitor.send, "a\n\r\t\\\\q");
    EXPECT_EQ(service(R"( send = \)").monitor.send, "\\");
    EXPECT_EQ(service(R"( expect = 'say \"yes\"')").monitor.expect, "say \"yes\"");
}

TEST(LvsCf, reads_patterns_as_regcomp_did) {
    const auto pattern = [](std::string_view expect) {
        return service(fmt::format(" use_regex = 1\n expect = {}", expect)).monitor.expect_pattern;
    };
    EXPECT_EQ(pattern("^220"), "^220");
    EXPECT_EQ(pattern("a.b"), "(?s)a.b");
    EXPECT_EQ(pattern(R"(a\.b[.])"), R"(a\.b[.])");
    EXPECT_EQ(pattern(R"(a\\.b)"), R"(a\.b)");
    EXPECT_EQ(service(" expect = *").monitor.expect_pattern, "(?s).");
    const auto differs = import(web(R"( use_regex = 1
 expect = "[[:digit:]]\d")"));
    ASSERT_EQ(differs.remarks.size(), 1U);
    EXPECT_EQ(differs.remarks[0].line, 6);
    EXPECT_TRUE(differs.remarks[0].message.starts_with("\"\\d\" in a POSIX"));
}

TEST(LvsCf, cuts_programs_at_blanks) {
    const auto monitor = service(" send_program = \"/bin/x %h  100% -p%p\"\n expect = OK").monitor;
    EXPECT_EQ(monitor.type, model::MonitorType::program);
    EXPECT_EQ(monitor.sending_program,
              (std::vector<std::string>{"/bin/x", "%h", "100%%", "-p%%p"}));
    EXPECT_EQ(problems(web(" send_program = x")).at(0).line, 5);
}

TEST(LvsCf, does_not_check_udp_that_nothing_is_known_of) {
    EXPECT_EQ(service(" protocol = udp\n port = 53").monitor.type, model::MonitorType::none);
    EXPECT_EQ(service(" protocol = udp\n send = x\n expect = y").monitor.type,
              model::MonitorType::text);
}

TEST(LvsCf, ports_of_servers_are_the_ones_above_them) {
    const auto text =
        "virtual a {\n active = 1\n address = 192.0.2.1 eth0\n server s {\n  address = 10.0.0.1\n "
        "}\n"
        " port = 81\n server t {\n  address = 10.0.0.2\n }\n}\n";
    const auto servers = import(text).configuration.virtual_servers.at(0).real_servers;
    EXPECT_EQ(servers.at(0).port, 80);
    EXPECT_EQ(servers.at(1).port, std::nullopt);
    const auto direct = import(std::string("network = direct\n") + text).configuration;
    EXPECT_EQ(direct.virtual_servers.at(0).real_servers.at(0).port, std::nullopt);
    EXPECT_EQ(direct.virtual_servers.at(0).real_servers.at(0).monitor.port, 80);
}

std::string marked(std::string_view name, std::string_view address, int port,
                   std::string_view server) {
    return fmt::format(
        "virtual {} {{\n active = 1\n address = {} eth0:1\n fwmark = 80\n port = {}\n"
        " persistent = 60\n server {} {{\n  address = {}\n  active = 1\n }}\n}}\n",
        name, address, port, server, server);
}

TEST(LvsCf, virtual_servers_of_one_mark_become_one) {
    const auto [configuration, remarks] = import(marked("web", "192.0.2.80", 80, "10.0.0.1") +
                                                 marked("secure", "192.0.2.80", 443, "10.0.0.1") +
                                                 marked("more", "192.0.2.80", 8080, "10.0.0.2"));
    ASSERT_EQ(configuration.virtual_servers.size(), 1U);
    EXPECT_EQ(configuration.virtual_servers[0].name, "web");
    EXPECT_EQ(configuration.virtual_servers[0].firewall_mark, 80U);
    EXPECT_EQ(configuration.virtual_servers[0].real_servers.size(), 2U);
    ASSERT_EQ(configuration.marks.size(), 1U);
    EXPECT_EQ(configuration.marks[0].ports, (std::vector<model::PortRange>{80, 443, 8080}));
    const auto said = [&](int line) {
        return std::ranges::any_of(remarks, [&](const auto& it) { return it.line == line; });
    };
    EXPECT_TRUE(said(12) && said(23));
}

TEST(LvsCf, real_servers_of_a_united_virtual_server_come_once) {
    const std::string two = "\n server b {\n  address = 10.0.0.2\n  active = 1\n }";
    const auto both = [&](std::string_view name, int port) {
        auto text = marked(name, "192.0.2.80", port, "10.0.0.1");
        return text.insert(text.rfind("\n}"), two);
    };
    const auto configuration =
        import(marked("web", "192.0.2.80", 80, "10.0.0.1") + both("secure", 443) + both("ftp", 21))
            .configuration;
    ASSERT_EQ(configuration.virtual_servers.size(), 1U);
    EXPECT_EQ(configuration.virtual_servers[0].real_servers.size(), 2U);
}

TEST(LvsCf, virtual_servers_of_one_mark_keep_their_addresses) {
    const auto configuration = import(marked("web", "192.0.2.80", 80, "10.0.0.1") +
                                      marked("other", "192.0.2.81", 80, "10.0.0.1"))
                                   .configuration;
    EXPECT_EQ(configuration.virtual_servers.size(), 2U);
    EXPECT_EQ(configuration.marks.size(), 2U);
}

TEST(LvsCf, names_that_are_used_twice_get_a_number) {
    const auto [configuration, remarks] = import(
        "virtual a {\n address = 192.0.2.1 eth0\n vip_nmask = 255.255.255.0\n}\n"
        "virtual a {\n address = 192.0.2.2 eth0\n vip_nmask = 255.255.255.0\n}\n");
    EXPECT_EQ(configuration.virtual_servers.at(1).name, "a-2");
    EXPECT_EQ(remarks.at(0).line, 5);
}

TEST(LvsCf, numbers_of_equal_names_are_those_that_no_name_has) {
    std::vector<std::string> names;
    const auto read = import(
        "virtual a {\n address = 192.0.2.1 eth0\n}\nvirtual a-3 {\n address = 192.0.2.2 eth0\n}\n"
        "virtual a {\n address = 192.0.2.3 eth0\n}\nvirtual a {\n address = 192.0.2.4 eth0\n}\n"
        "virtual a-2 {\n address = 192.0.2.5 eth0\n}\n");
    for (const auto& service : read.configuration.virtual_servers)
        names.push_back(service.name);
    EXPECT_EQ(names, (std::vector<std::string>{"a", "a-3", "a-2", "a-4", "a-2-2"}));
}

constexpr int very_many = 140'000;

/// `count` times `text`, with the number of each, from 1, for {}.
std::string many(int count, std::string_view text) {
    std::string all;
    for (int i = 1; i <= count; ++i)
        all += fmt::format(fmt::runtime(text), i);
    return all;
}

TEST(LvsCf, more_virtual_servers_than_shoal_has_are_one_error) {
    constexpr int most = model::max_virtual_servers;
    for (const auto* text :
         {"virtual a{{\nactive=1\n}}\n", "virtual a{{\nactive=1\nfwmark=7\n}}\n"}) {
        const auto found = problems(many(very_many, text));
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].message, "too many virtual servers");
        EXPECT_EQ(found[0].line, 1 + most * std::ranges::count(std::string_view(text), '\n'));
    }
    const auto equal =
        import(many(most, "virtual a {{\n address = 192.0.2.1 eth0\n port = {}\n}}\n"));
    EXPECT_EQ(equal.configuration.virtual_servers.back().name, fmt::format("a-{}", most));
}

TEST(LvsCf, more_real_servers_than_shoal_has_are_one_error) {
    const auto found =
        problems("virtual a {\n address = 192.0.2.1 eth0\n" +
                 many(very_many, " server s {{\n address = 10.0.0.1\n }}\n") + "}\n");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].message, "too many real servers in all");
    EXPECT_EQ(found[0].line, 3 + 3 * static_cast<int>(model::max_real_servers));
}

TEST(LvsCf, as_many_of_one_mark_as_may_be_are_one_virtual_server) {
    const auto read = import(many(model::max_virtual_servers,
                                  "virtual a {{\n active = 1\n address = 192.0.2.1 eth0\n"
                                  " fwmark = 7\n persistent = 60\n port = {}\n}}\n"));
    ASSERT_EQ(read.configuration.virtual_servers.size(), 1U);
    EXPECT_EQ(read.configuration.marks.at(0).ports.size(), model::max_virtual_servers);
}

TEST(LvsCf, remarks_come_to_an_end) {
    const auto read = import(many(very_many, "backup_private=10.0.0.1\n"));
    ASSERT_EQ(read.remarks.size(), max_problems + 1);
    EXPECT_EQ(read.remarks.front().line, 1);
    EXPECT_EQ(read.remarks.back().message,
              fmt::format("{} more are not shown", very_many - static_cast<int>(max_problems)));
    EXPECT_EQ(problems(many(very_many, "keepalive {}\n")).size(), max_problems + 1);
}

TEST(LvsCf, columns_are_counted_along_long_lines) {
    const auto at = [](const std::string& line) { return problems(line).at(0).column; };
    EXPECT_EQ(at("keepalive = é é\n"), 15);
    EXPECT_EQ(at("  sérial 1\n"), 3);
    std::string line = "send_program = ";
    for (int i = 0; i < 1'000'000; ++i)
        line += "é ";
    EXPECT_EQ(problems("virtual a {\n" + line + "\"x\n}\n").at(0).column, 2'000'016);
}

TEST(LvsCf, tells_what_is_wrong_in_its_lines) {
    EXPECT_EQ(problems("virtual a {\n active = 1\n}\n").at(0).line, 1);
    EXPECT_EQ(problems(web(" timeout = 0")).at(0).line, 5);
    EXPECT_EQ(problems(web(" port = 99999\n scheduler = xx")).at(0).line, 6);
    EXPECT_EQ(problems(web(" port = 99999")).at(0).line, 5);
    EXPECT_EQ(problems(web(" server two {\n  address = web-2\n }")).at(0).line, 6);
    EXPECT_EQ(problems(web(" server two {\n  address = 10.11.12.1\n }")).at(0).line, 9);
}

TEST(LvsCf, messages_have_no_control_characters) {
    for (const auto* text : {"a\x1b[2Jb c\n", "nat_router = a\x1b[2Jb\n"}) {
        const auto found = problems(text);
        ASSERT_EQ(found.size(), 1U);
        EXPECT_FALSE((found[0].message + found[0].advice).contains('\x1b'));
    }
    EXPECT_EQ(problems("primary 1\n").at(0).advice, "write primary = VALUE");
    EXPECT_EQ(problems("nat_router = 10.0.0.1\n").at(0).advice, "for instance 10.0.0.1 eth0:1");
}

std::vector<std::string> remarks_on(std::string_view toml) {
    return to_lvs_cf(read_toml(toml, {}).value()).remarks;
}

TEST(LvsCf, is_written_with_what_it_cannot_say) {
    const std::string web =
        "[[virtual_server]]\nname = \"web\"\naddress = \"192.0.2.80/24\"\ndevice = \"wan0:1\"\n";
    EXPECT_TRUE(remarks_on(web).empty());
    EXPECT_EQ(remarks_on(web + "quorum = 2\nslow_start = \"1m\"\n"),
              (std::vector<std::string>{"virtual_server web: quorum: 2 becomes 1",
                                        "virtual_server web: slow_start: \"1m\" becomes \"0s\""}));
    EXPECT_EQ(
        remarks_on(web + "[[virtual_server.real_server]]\nname = \"a\"\n"
                         "address = \"10.0.0.1\"\nweight = 0\n"),
        (std::vector<std::string>{"virtual_server web: real_server a: active: true becomes false",
                                  "virtual_server web: real_server a: weight: 0 becomes 1"}));
    EXPECT_EQ(remarks_on("[[notification]]\nname = \"n\"\ncommand = \"/bin/x\"\n"),
              (std::vector<std::string>{"notification n: the table is left out"}));
}

void expect_fixed_point(std::string_view text) {
    const auto first = import_lvs_cf(text);
    if (!first) return;
    const auto written = to_lvs_cf(first->configuration);
    EXPECT_EQ(written.remarks, std::vector<std::string>()) << written.text;
    const auto second = import_lvs_cf(written.text);
    ASSERT_TRUE(second) << written.text << render(second.error(), "again", written.text);
    EXPECT_EQ(to_toml(second->configuration), to_toml(first->configuration)) << written.text;
    EXPECT_EQ(to_lvs_cf(second->configuration).text, written.text);
}

TEST(LvsCf, read_and_written_and_read_again_is_the_same) {
    expect_fixed_point(complete);
    for (const auto* lines :
         {"", " port = 25", " quiesce_server = 1", " reentry = 0", " load_monitor = rup",
          " send = 'say \"x\"'\n expect = '\\'", " use_regex = 1\n expect = 'a.b\\.[.]\\\\.\"'",
          " use_regex = 1\n expect = 'a\\\\\\\\b'", " expect = *", " protocol = udp",
          " protocol = udp\n send = a\n expect = b", " send_program = '/bin/x %h 5% %% a\"b'",
          " fwmark = 7", " port = 0\n persistent = 5", " sorry_server = 10.11.12.9",
          " server 'o n e' {\n  address = 10.11.12.2\n  port = 81\n  weight = -3\n }"}) {
        SCOPED_TRACE(lines);
        expect_fixed_point(web(lines));
        expect_fixed_point("network = direct\n" + web(lines));
    }
    expect_fixed_point(marked("web", "192.0.2.80", 80, "10.0.0.1") +
                       marked("ssl", "192.0.2.80", 443, "10.0.0.2"));
    for (const auto& file :
         std::filesystem::directory_iterator(SHOAL_SOURCE_DIR "/src/config/lvs_cf/vectors"))
        expect_fixed_point(read_file(file.path()).value());
}

}  // namespace
}  // namespace shoal::config
