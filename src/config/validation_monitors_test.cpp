#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

/// `lines` begin in line 6, after the virtual server and the table's heading.
std::string monitor(std::string_view lines) {
    return service("a", "192.0.2.1", fmt::format("[virtual_server.monitor]\n{}\n", lines));
}

/// A problem of virtual server "a".
Problem problem(int line, int column, std::string_view message, std::string advice) {
    return {line, column, fmt::format("virtual server \"a\": {}", message), std::move(advice)};
}

TEST(Monitors, settings_of_another_type_are_refused) {
    expect_problems({
        {monitor("path = \"/x\"\nstatus = 200"),
         {problem(6, 8, "path is not used by checks of type \"text\"",
                  "set type = \"http\" or \"https\", or remove it"),
          problem(7, 10, "status is not used by checks of type \"text\"",
                  "set type = \"http\" or \"https\", or remove it")}},
        {monitor("type = \"icmp\"\nsend = \"x\""),
         {problem(7, 8, "send is not used by checks of type \"icmp\"",
                  "set type = \"text\" or \"program\", or remove it")}},
        {monitor("type = \"http\"\nquery_name = \"a\""),
         {problem(7, 14, "query_name is not used by checks of type \"http\"",
                  "set type = \"dns\", or remove it")}},
        {monitor("type = \"icmp\"\ntls = true"),
         {problem(7, 7, "tls is not used by checks of type \"icmp\"",
                  "use another type, or remove it")}},
        {monitor("type = \"http\"\nprotocol = \"udp\""),
         {problem(7, 12, "protocol is not used by checks of type \"http\"",
                  "set type = \"text\" or \"dns\" or \"sip\", or remove it")}},
        // What is not checked may keep everything, and what says nothing is no setting.
        {monitor("type = \"none\"\npath = \"/x\"\nquery_name = \"a\""), {}},
        {monitor("type = \"icmp\"\nsend = \"\"\nmethod = \"GET\""), {}},
        // Nothing is concluded from a refused type.
        {monitor("type = \"htp\"\npath = \"/x\""),
         {{6, 8, "type in monitor of virtual server \"a\": unknown value \"htp\"",
           "did you mean \"http\"?"}}},
    });
}

TEST(Monitors, what_one_real_server_has_of_its_own_must_fit_too) {
    expect_problems({
        {monitor("type = \"dns\"") +
             "[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\n"
             "monitor = { path = \"/x\", query_name = \"a\" }\n",
         {problem(10, 20, "path is not used by checks of type \"dns\"",
                  "set type = \"http\" or \"https\", or remove it")}},
    });
}

TEST(Monitors, a_program_is_named_by_its_path) {
    expect_problems({
        {monitor("sending_program = [\"check\", \"%h\"]"),
         {problem(6, 19, "sending_program: \"check\" is no absolute path",
                  "begin it with /, and write each argument as a text of its own")}},
        {monitor("sending_program = [\"/bin/x\", \"a%%%p%x\"]"),
         {problem(6, 19, "sending_program: \"%x\" in \"a%%%p%x\" means nothing",
                  "known: %h, %p, %v, %n; a percent sign is %%")}},
        {monitor("sending_program = \"/bin/x 100%\""),
         {problem(6, 19, "sending_program: \"%\" in \"/bin/x 100%\" means nothing",
                  "known: %h, %p, %v, %n; a percent sign is %%")}},
        {monitor("type = \"program\""),
         {problem(6, 8, "a check of type \"program\" needs a program",
                  "set sending_program = [\"/path/to/program\", \"%h\"]")}},
        {monitor(
             "sending_program = [\"/bin/x\", \"%h\", \"%n:%p@%v\"]\nsend = \"x\"\nexpect = \"y\""),
         {}},
    });
}

TEST(Monitors, a_pattern_is_one_of_re2) {
    expect_problems({
        {monitor("expect_pattern = '('"),
         {problem(6, 18, "expect_pattern is no regular expression: missing ): (",
                  "write it in RE2's syntax, that of egrep; in single quotes, backslashes stay")}},
        {monitor("expect = \"x\"\nexpect_pattern = 'x'"),
         {problem(7, 18, "expect and expect_pattern are both set, and only one can be judged by",
                  "remove one of them; a pattern that begins with ^ is one for the beginning")}},
        {monitor("expect_pattern = '^220.*ready$'"), {}},
        {monitor("type = \"http\"\nmethod = \"HEAD\"\nexpect_pattern = 'x'"),
         {problem(7, 10, "the answer to HEAD has no body for expect_pattern",
                  "set method = \"GET\", or remove expect_pattern")}},
    });
}

TEST(Monitors, a_request_can_be_written) {
    expect_problems({
        {monitor("type = \"http\"\nmethod = \"get\"\npath = \"a b\"\nhost = \"http://x\""),
         {problem(7, 10, "\"get\" is no HTTP method", "for instance GET or HEAD"),
          problem(8, 8, "\"a b\" is no path of a request",
                  "begin it with /, and write blanks and what is not ASCII as %20 and the like"),
          problem(9, 8, "\"http://x\" is no host", "a name or an address, without http://")}},
        {monitor(
             "type = \"http\"\nmethod = \"OPTIONS\"\npath = \"*\"\nhost = \"[2001:db8::1]:81\""),
         {}},
    });
}

TEST(Monitors, certificates_belong_to_tls) {
    expect_problems({
        {monitor("type = \"http\"\nverify_certificate = true"),
         {problem(7, 22, "verify_certificate is set, but the check does not speak TLS",
                  "set tls = true, or remove it")}},
        {monitor("type = \"imap\"\nhost = \"x\""),
         {problem(7, 8, "host is set, but the check does not speak TLS",
                  "set tls = true, or remove it")}},
        {monitor("type = \"https\"\ncertificate_file = \"/a\""),
         {problem(7, 20, "certificate_file is set, but key_file is not", "set key_file too")}},
        {monitor("type = \"tls\"\nkey_file = \"a\""),
         {problem(7, 12, "key_file is set, but certificate_file is not",
                  "set certificate_file too"),
          problem(7, 12, "key_file: \"a\" is no absolute path", "begin it with /")}},
        {monitor("type = \"https\"\nca_file = \"/a\""),
         {problem(7, 11, "ca_file is set, but the certificate is not verified",
                  "set verify_certificate = true, or remove it")}},
        {monitor("type = \"imap\"\ntls = true\nverify_certificate = true\nca_file = \"/a\"\n"
                 "certificate_file = \"/b\"\nkey_file = \"/c\"\nserver_name = \"x\""),
         {}},
    });
}

TEST(Monitors, a_udp_check_cannot_speak_tls) {
    expect_problems({
        {monitor("type = \"dns\"\nprotocol = \"udp\"\ntls = true"),
         {problem(8, 7, "a check over UDP cannot speak TLS",
                  "set protocol = \"tcp\", or remove tls")}},
        {monitor("type = \"dns\"\ntls = true"), {}},
    });
}

TEST(Monitors, a_udp_service_is_checked_by_what_it_answers) {
    const auto missing = [](int line) {
        return problem(line, 1,
                       "a UDP service is checked by what it answers, and send or expect is missing",
                       "set both in [virtual_server.monitor], or type = \"none\" there");
    };
    const auto udp = [](std::string_view lines) {
        return service("a", "192.0.2.1/24", fmt::format("protocol = \"udp\"\n{}", lines));
    };
    expect_problems({
        {udp(""), {missing(1)}},
        {udp("[virtual_server.monitor]\nsend = \"x\"\n"), {missing(6)}},
        {udp("[virtual_server.monitor]\nsend = \"x\"\nexpect = \"y\"\n"), {}},
        {udp("[virtual_server.monitor]\nsend = \"x\"\nexpect_pattern = \"y\"\n"), {}},
        {udp("[virtual_server.monitor]\ntype = \"none\"\n"), {}},
        {udp("[virtual_server.monitor]\ntype = \"http\"\n"), {}},
        {udp("[virtual_server.monitor]\ntype = \"dns\"\n"), {}},
        {udp("[virtual_server.monitor]\nprotocol = \"tcp\"\n"), {}},
        {monitor("protocol = \"udp\""), {missing(5)}},
    });
}

TEST(Monitors, a_dns_answer_is_of_the_type_that_is_asked_for) {
    const auto dns = [](std::string_view type, std::string_view answer) {
        return monitor(
            fmt::format("type = \"dns\"\nquery_name = \"x.org\"\nquery_type = \"{}\"\n"
                        "answer = '{}'",
                        type, answer));
    };
    expect_problems({
        {dns("A", "2001:db8::1"),
         {problem(9, 10, "\"2001:db8::1\" cannot be the answer to a question of type A",
                  "write it as dig does: 192.0.2.1")}},
        {dns("MX", "mail.x.org."),
         {problem(9, 10, "\"mail.x.org.\" cannot be the answer to a question of type MX",
                  "write it as dig does: 10 mail.example.com.")}},
        {dns("SRV", "1 2 70000 a."),
         {problem(9, 10, "\"1 2 70000 a.\" cannot be the answer to a question of type SRV",
                  "write it as dig does: 10 20 443 www.example.com.")}},
        {dns("A", "192.0.2.1"), {}},
        {dns("AAAA", "2001:db8::1"), {}},
        {dns("NS", "ns.x.org"), {}},
        {dns("SOA", "ns.x.org. a.x.org. 1 2 3 4 5"), {}},
        {dns("TXT", "\"any thing\""), {}},
        {monitor("type = \"dns\"\nquery_name = \"a..b\""),
         {problem(7, 14, "\"a..b\" is no domain name",
                  "labels of at most 63 characters with dots between, 253 in all")}},
        {monitor("type = \"dns\"\nquery_name = \".\""), {}},
    });
}

TEST(Monitors, the_source_is_of_the_family_that_is_checked) {
    const auto real = "[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\n";
    expect_problems({
        {monitor("source = \"2001:db8::1\"") + real,
         {problem(6, 10, "checks cannot come from 2001:db8::1 to real server \"x\", 10.0.0.1",
                  "write an address of the same family, or remove source")}},
        {monitor("source = \"2001:db8::1\"\naddress = \"2001:db8::2\"") + real, {}},
        {monitor("source = \"10.0.0.9\"") + real, {}},
    });
}

TEST(LoadMonitors, each_tool_has_what_it_needs_and_no_more) {
    const auto load = [](std::string_view lines) {
        return service("a", "192.0.2.1", fmt::format("[virtual_server.load_monitor]\n{}\n", lines));
    };
    expect_problems({
        {load("tool = \"agent\""),
         {problem(6, 8, "the tool \"agent\" needs a port",
                  "set port in [virtual_server.load_monitor]")}},
        {service("a", "192.0.2.1", "load_monitor = \"agent\"\n"),
         {problem(5, 16, "the tool \"agent\" needs a port",
                  "set port in [virtual_server.load_monitor]")}},
        {load("tool = \"program\""),
         {problem(6, 8, "the tool \"program\" needs a program",
                  "set program = [\"/path/to/program\", \"%h\"]")}},
        {load("tool = \"program\"\nprogram = \"x\"\nport = 1"),
         {problem(7, 11, "program: \"x\" is no absolute path",
                  "begin it with /, and write each argument as a text of its own"),
          problem(8, 8, "port is not used by the load monitoring tool \"program\"",
                  "remove it, or use another tool")}},
        {load("tool = \"rup\"\npath = \"/x\""),
         {problem(7, 8, "path is not used by the load monitoring tool \"rup\"",
                  "remove it, or use another tool")}},
        {load("tool = \"http\"\npath = \"x\""),
         {problem(7, 8, "\"x\" is no path of a request",
                  "begin it with /, and write blanks and what is not ASCII as %20 and the like")}},
        {load("tool = \"http\"\npath = \"/load\"\nvalue = \"/one\""), {}},
        {service("a", "192.0.2.1", "load_monitor = \"rup\"\n"), {}},
        {load("path = \"/x\""), {}},
    });
}

}  // namespace
}  // namespace shoal::config
