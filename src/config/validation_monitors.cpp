#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "config/monitor_texts.h"
#include "config/validators.h"
#include "model/choices.h"
#include "model/pattern.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::in_quotes;
using model::Monitor;
using model::MonitorOverride;
using model::MonitorType;
using model::Protocol;
using enum model::MonitorType;

using MonitorPart = Part<Monitor>;
using Types = std::uint32_t;

template <class... Each>
constexpr Types types(Each... each) {
    return ((Types{1} << static_cast<unsigned>(each)) | ...);
}

constexpr Types over_http = types(http, https);
constexpr Types presets = types(ftp, imap, pop3, ldap, mysql, postgresql, redis, sip);
constexpr Types by_choice_over_udp = types(text, dns, sip);
// MySQL and PostgreSQL begin it within protocols of their own.
constexpr Types may_speak_tls =
    (over_http | presets | types(text, dns, smtp, grpc, MonitorType::tls)) &
    ~types(mysql, postgresql);

/// A setting of some types of check only.
template <class Value>
struct OwnedSetting {
    std::string_view key;
    Value Monitor::* member;
    Types types;
};
template <class Value>
OwnedSetting(std::string_view, Value Monitor::*, Types) -> OwnedSetting<Value>;

/// What the data plane can send to the virtual address.
constexpr Types may_go_to_virtual =
    over_http | presets | types(text, dns, smtp, grpc, MonitorType::tls);

constexpr std::tuple owned_settings{
    OwnedSetting{"to", &Monitor::to, may_go_to_virtual},
    OwnedSetting{"protocol", &Monitor::protocol, by_choice_over_udp},
    // A program replaces `send`, which may stay in the file.
    OwnedSetting{"send", &Monitor::send, types(text, program)},
    OwnedSetting{"expect", &Monitor::expect, types(text, program)},
    OwnedSetting{"expect_pattern", &Monitor::expect_pattern, types(text, program) | over_http},
    OwnedSetting{"sending_program", &Monitor::sending_program, types(program)},
    OwnedSetting{"method", &Monitor::method, over_http},
    OwnedSetting{"path", &Monitor::path, over_http},
    OwnedSetting{"host", &Monitor::host, may_speak_tls},
    OwnedSetting{"status", &Monitor::status, over_http},
    OwnedSetting{"tls", &Monitor::tls, may_speak_tls},
    OwnedSetting{"verify_certificate", &Monitor::verify_certificate, may_speak_tls},
    OwnedSetting{"server_name", &Monitor::server_name, may_speak_tls},
    OwnedSetting{"ca_file", &Monitor::ca_file, may_speak_tls},
    OwnedSetting{"certificate_file", &Monitor::certificate_file, may_speak_tls},
    OwnedSetting{"key_file", &Monitor::key_file, may_speak_tls},
    OwnedSetting{"query_name", &Monitor::query_name, types(dns)},
    OwnedSetting{"query_type", &Monitor::query_type, types(dns)},
    OwnedSetting{"answer", &Monitor::answer, types(dns)},
    OwnedSetting{"grpc_service", &Monitor::grpc_service, types(grpc)},
};

/// "http or https"; "another type" where there are many.
std::string names_of(Types types) {
    std::vector<std::string_view> names;
    for (const auto& choice : model::Choices<MonitorType>::all) {
        if ((types & (Types{1} << static_cast<unsigned>(choice.value))) != 0)
            names.push_back(choice.name);
    }
    constexpr std::size_t most_named = 3;
    if (names.size() > most_named) return "use another type";
    std::string text = "set type = ";
    for (const auto name : names)
        text += fmt::format("{}\"{}\"", name == names.front() ? "" : " or ", name);
    return text;
}

class MonitorValidator {
  public:
    MonitorValidator(ProblemList& problems, const ServicePart& service, const MonitorPart& monitor)
        : problems_(problems), service_(service), monitor_(monitor), value_(monitor.value) {}

    void run() {
        const bool type_is_known = monitor_.place("type") && monitor_.place("sending_program");
        if (type_is_known && value_.type != none) {
            settings_of_type();
            overrides_of_type();
            needed();
            tls();
            udp_text();
        }
        expectation();
        texts();
        http();
        files();
        dns();
        addresses();
    }

  private:
    bool is(Types types) const {
        return (types & (Types{1} << static_cast<unsigned>(value_.type))) != 0;
    }

    void add(Position place, std::string_view message, std::string advice) {
        problems_.add(place, fmt::format("{}: {}", title_of(service_.value), message),
                      std::move(advice));
    }

    /// Where a setting stands that is good and says something: JSON has all of them.
    template <class Value>
    std::optional<Position> said(std::string_view key, Value Monitor::* member) const {
        static const Monitor untouched;
        return value_.*member == untouched.*member ? std::nullopt : monitor_.given(key);
    }

    void settings_of_type() {
        std::apply(
            [&](const auto&... settings) {
                (not_of_type(settings.key, said(settings.key, settings.member), settings.types),
                 ...);
            },
            owned_settings);
    }

    void not_of_type(std::string_view key, std::optional<Position> place, Types types) {
        if (!place || is(types)) return;
        add(*place,
            fmt::format("{} is not used by checks of type \"{}\"", key,
                        model::name_of(value_.type)),
            names_of(types) + ", or remove it");
    }

    void overrides_of_type() {
        for (const auto& server : servers_of(service_)) {
            const auto own = part_of(server, "monitor", &model::RealServer::monitor);
            if (!own) continue;
            const auto check = [&](std::string_view key, Types types) {
                not_of_type(key, own->given(key), types);
            };
            if (own->value.to == model::CheckTo::virtual_address) check("to", may_go_to_virtual);
            check("send", types(text, program));
            check("expect", types(text, program));
            check("path", over_http);
            check("host", may_speak_tls);
            check("server_name", may_speak_tls);
            check("query_name", types(MonitorType::dns));
        }
    }

    void texts() {
        texts_of(monitor_);
        for (const auto& server : servers_of(service_)) {
            if (const auto own = part_of(server, "monitor", &model::RealServer::monitor))
                texts_of(*own);
        }
    }

    /// A monitor, or what a real server has of its own.
    template <class Owner>
    void texts_of(const Part<Owner>& part) {
        const auto check = [&](std::string_view key, const std::optional<std::string>& text,
                               bool (*is_good)(std::string_view), std::string_view what,
                               std::string_view advice) {
            const auto place = part.given(key);
            if (place && text && !is_good(*text))
                add(*place, fmt::format("{} is no {}", in_quotes(*text), what),
                    std::string(advice));
        };
        const auto& own = part.value;
        check("path", own.path, is_http_path, "path of a request",
              "begin it with /, and write blanks and what is not ASCII as %20 and the like");
        for (const auto& [key, host] :
             {std::pair("host", own.host), std::pair("server_name", own.server_name)}) {
            check(
                key, host, [](std::string_view text) { return text.empty() || is_host(text); },
                "host", "a name or an address, without http://");
        }
        check(
            "query_name", own.query_name,
            [](std::string_view text) { return text.empty() || is_domain_name(text); },
            "domain name", "labels of at most 63 characters with dots between, 253 in all");
    }

    void needed() {
        if (value_.type == program && value_.sending_program.empty()) {
            add(monitor_.given("type").value_or(monitor_.position),
                "a check of type \"program\" needs a program",
                "set sending_program = [\"/path/to/program\", \"%h\"]");
        }
        const auto place = said("sending_program", &Monitor::sending_program);
        if (!place) return;
        if (auto fault = program_fault(value_.sending_program))
            add(*place, "sending_program: " + fault->message, std::move(fault->advice));
    }

    /// Of the check; unset where it is not known.
    std::optional<Protocol> protocol() const {
        if (!is(by_choice_over_udp)) return Protocol::tcp;
        if (!monitor_.place("protocol")) return std::nullopt;
        if (value_.protocol) return value_.protocol;
        if (!service_.place("protocol")) return std::nullopt;
        return service_.value.protocol;
    }

    void tls() {
        if (!monitor_.place("tls")) return;
        const auto place = said("tls", &Monitor::tls);
        if (place && is(may_speak_tls) && protocol() == Protocol::udp) {
            add(*place, "a check over UDP cannot speak TLS",
                "set protocol = \"tcp\", or remove tls");
        }
        if (value_.tls || is(types(https, MonitorType::tls)) || !is(may_speak_tls)) return;
        const auto needs_tls = [&](std::string_view key, std::optional<Position> setting) {
            if (setting)
                add(*setting, fmt::format("{} is set, but the check does not speak TLS", key),
                    "set tls = true, or remove it");
        };
        needs_tls("verify_certificate", said("verify_certificate", &Monitor::verify_certificate));
        needs_tls("server_name", said("server_name", &Monitor::server_name));
        needs_tls("ca_file", said("ca_file", &Monitor::ca_file));
        needs_tls("certificate_file", said("certificate_file", &Monitor::certificate_file));
        needs_tls("key_file", said("key_file", &Monitor::key_file));
        if (!is(over_http | types(grpc))) needs_tls("host", said("host", &Monitor::host));
    }

    /// A UDP port cannot be opened: without an exchange there is nothing to see.
    void udp_text() {
        if (value_.type != text || protocol() != Protocol::udp) return;
        for (const auto* key : {"send", "expect", "expect_pattern"}) {
            if (!monitor_.place(key)) return;
        }
        const bool expects = !value_.expect.empty() || !value_.expect_pattern.empty();
        if (!value_.send.empty() && expects) return;
        add(monitor_.position,
            "a UDP service is checked by what it answers, and send or expect is missing",
            "set both in [virtual_server.monitor], or type = \"none\" there");
    }

    void expectation() {
        const auto place = said("expect_pattern", &Monitor::expect_pattern);
        if (!place) return;
        if (said("expect", &Monitor::expect)) {
            add(*place, "expect and expect_pattern are both set, and only one can be judged by",
                "remove one of them; a pattern that begins with ^ is one for the beginning");
        }
        const auto pattern = model::Pattern::compile(value_.expect_pattern);
        if (!pattern) {
            add(*place,
                fmt::format("expect_pattern is no regular expression: {}", pattern.error().message),
                "write it in RE2's syntax, that of egrep; in single quotes, backslashes stay");
        }
    }

    void http() {
        if (const auto place = said("method", &Monitor::method)) {
            if (!is_http_method(value_.method)) {
                add(*place, fmt::format("{} is no HTTP method", in_quotes(value_.method)),
                    "for instance GET or HEAD");
            } else if (value_.method == "HEAD" &&
                       said("expect_pattern", &Monitor::expect_pattern)) {
                add(*place, "the answer to HEAD has no body for expect_pattern",
                    "set method = \"GET\", or remove expect_pattern");
            }
        }
    }

    void files() {
        const auto certificate = said("certificate_file", &Monitor::certificate_file);
        const auto key = said("key_file", &Monitor::key_file);
        const auto authorities = said("ca_file", &Monitor::ca_file);
        if (certificate && !key && monitor_.place("key_file"))
            add(*certificate, "certificate_file is set, but key_file is not", "set key_file too");
        if (key && !certificate && monitor_.place("certificate_file"))
            add(*key, "key_file is set, but certificate_file is not", "set certificate_file too");
        if (authorities && !value_.verify_certificate && monitor_.place("verify_certificate")) {
            add(*authorities, "ca_file is set, but the certificate is not verified",
                "set verify_certificate = true, or remove it");
        }
        absolute("certificate_file", certificate, value_.certificate_file);
        absolute("key_file", key, value_.key_file);
        absolute("ca_file", authorities, value_.ca_file);
    }

    void absolute(std::string_view key, std::optional<Position> place, const std::string& path) {
        if (!place || path.starts_with('/')) return;
        add(*place, fmt::format("{}: {} is no absolute path", key, in_quotes(path)),
            "begin it with /");
    }

    void dns() {
        const auto place = said("answer", &Monitor::answer);
        if (!place || !monitor_.place("query_type")) return;
        const auto form = dns_answer_form(value_.query_type);
        if (is_dns_answer(value_.query_type, value_.answer)) return;
        add(*place,
            fmt::format("{} cannot be the answer to a question of type {}",
                        in_quotes(value_.answer), model::name_of(value_.query_type)),
            fmt::format("write it as dig does: {}", form));
    }

    /// The source and what is checked from there are of one family.
    void addresses() {
        const auto source = said("source", &Monitor::source);
        if (!source || !monitor_.place("address")) return;
        for (const auto& server : servers_of(service_)) {
            const auto own = part_of(server, "monitor", &model::RealServer::monitor);
            if (!server.place("address") || (own && !own->place("address"))) continue;
            const auto checked =
                monitor_of(service_.value, server.value).address.value_or(server.value.address);
            if (checked.is_v6() == value_.source->is_v6()) continue;
            add(*source,
                fmt::format("checks cannot come from {} to real server {}, {}",
                            value_.source->to_string(), in_quotes(server.value.name),
                            checked.to_string()),
                "write an address of the same family, or remove source");
            return;
        }
    }

    ProblemList& problems_;
    const ServicePart& service_;
    const MonitorPart& monitor_;
    const Monitor& value_;
};

/// Without a table in the file the default holds, which has no place of its own.
void validate_monitor(ProblemList& problems, const ServicePart& service) {
    static const Table none_written;
    const auto* entry = service.table.find("monitor");
    const auto written = part_of(service, "monitor", &model::VirtualServer::monitor);
    if (entry != nullptr && !written) return;
    const MonitorPart monitor =
        written ? *written : MonitorPart{none_written, service.position, service.value.monitor};
    MonitorValidator(problems, service, monitor).run();
}

class LoadValidator {
  public:
    LoadValidator(ProblemList& problems, const model::Configuration& configuration,
                  const ServicePart& service, const Part<model::LoadMonitor>& load)
        : problems_(problems),
          configuration_(configuration),
          service_(service),
          load_(load),
          value_(load.value) {}

    void run() {
        using enum model::LoadTool;
        if (!load_.place("tool") || value_.tool == none) return;
        of_tool("path", &model::LoadMonitor::path, value_.tool == http);
        of_tool("value", &model::LoadMonitor::value, value_.tool == http);
        of_tool("program", &model::LoadMonitor::program, value_.tool == program);
        of_tool("port", &model::LoadMonitor::port, value_.tool != program);
        if (value_.tool == agent && !value_.port && load_.place("port"))
            add(tool_place(), "the tool \"agent\" needs a port",
                "set port in [virtual_server.load_monitor]");
        if (value_.tool == http) http_answer();
        if (value_.tool == program) load_program();
    }

  private:
    Position tool_place() const { return load_.given("tool").value_or(load_.position); }

    void add(Position place, std::string_view message, std::string advice) {
        problems_.add(place, fmt::format("{}: {}", title_of(service_.value), message),
                      std::move(advice));
    }

    template <class Value>
    void of_tool(std::string_view key, Value model::LoadMonitor::* member, bool is_used) {
        static const model::LoadMonitor untouched;
        const auto place = load_.given(key);
        if (!place || is_used || value_.*member == untouched.*member) return;
        add(*place,
            fmt::format("{} is not used by the load monitoring tool \"{}\"", key,
                        model::name_of(value_.tool)),
            "remove it, or use another tool");
    }

    void http_answer() {
        if (const auto place = load_.given("path"); place && !is_http_path(value_.path)) {
            add(*place, fmt::format("{} is no path of a request", in_quotes(value_.path)),
                "begin it with /, and write blanks and what is not ASCII as %20 and the like");
        }
        const bool known = load_.place("port") && service_.place("port") &&
                           service_.place("firewall_mark") && service_.place("monitor");
        if (!known || value_.port) return;
        const bool lacking = std::ranges::any_of(servers_of(service_), [&](const auto& server) {
            return server.place("port") &&
                   check_port(configuration_, service_.value, server.value) == 0;
        });
        if (lacking)
            add(tool_place(), "it is not said which port the load is asked of",
                "set port in [virtual_server.load_monitor]");
    }

    void load_program() {
        if (!load_.place("program")) return;
        if (value_.program.empty()) {
            add(tool_place(), "the tool \"program\" needs a program",
                "set program = [\"/path/to/program\", \"%h\"]");
        } else if (auto fault = program_fault(value_.program)) {
            add(*load_.given("program"), "program: " + fault->message, std::move(fault->advice));
        }
    }

    ProblemList& problems_;
    const model::Configuration& configuration_;
    const ServicePart& service_;
    const Part<model::LoadMonitor>& load_;
    const model::LoadMonitor& value_;
};

}  // namespace

void validate_monitors(const Examination& examination, const std::vector<ServicePart>& services) {
    static const Table short_form;
    for (const auto& service : services) {
        validate_monitor(examination.problems, service);
        if (!service.given("load_monitor")) continue;
        const auto& node = service.table.find("load_monitor")->node;
        // Where the tool stands alone, it is the place of all settings.
        const auto* table = std::get_if<Table>(&node.value);
        const Part<model::LoadMonitor> load{table == nullptr ? short_form : *table, node.position,
                                            service.value.load_monitor};
        LoadValidator(examination.problems, examination.configuration, service, load).run();
    }
}

}  // namespace shoal::config
