#include "config/keepalived/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/keepalived/check_http.h"
#include "config/keepalived/keywords.h"
#include "config/keepalived/values.h"
#include "config/monitor_texts.h"
#include "model/choices.h"

namespace shoal::config::keepalived {

namespace {

using model::milliseconds;
using model::MonitorType;
using model::Protocol;

constexpr milliseconds default_loop{60'000};
constexpr milliseconds default_timeout{5'000};

struct Checker {
    std::string_view keyword;
    MonitorType type = MonitorType::none;
    /// See depth_of().
    int depth = 0;
    std::uint32_t retry = 1;
    /// Unset: as long as delay_loop.
    std::optional<milliseconds> before_retry{1'000};
};

constexpr std::array<Checker, 10> checkers{{
    {"HTTP_GET", MonitorType::http, 6, 1, milliseconds(3'000)},
    {"SSL_GET", MonitorType::https, 6, 1, milliseconds(3'000)},
    {"SMTP_CHECK", MonitorType::smtp, 5},
    {"DNS_CHECK", MonitorType::dns, 5, 3, std::nullopt},
    {"MISC_CHECK", MonitorType::program, 4, 0},
    {"UDP_CHECK", MonitorType::text, 3},
    {"TCP_CHECK", MonitorType::text, 2},
    {"PING_CHECK", MonitorType::icmp, 1},
    {"BFD_CHECK"},
    {"FILE_CHECK"},
}};

const Checker* checker_of(std::string_view keyword) {
    const auto found = std::ranges::find(checkers, keyword, &Checker::keyword);
    return found == checkers.end() ? nullptr : &*found;
}

class CheckReader {
  public:
    CheckReader(const Checker& checker, const Statement& statement, Remarks& remarks)
        : statement_(statement), remarks_(remarks) {
        check_.keyword = checker.keyword;
        check_.place = statement.place;
        check_.monitor.type = checker.type;
        check_.defaults = {default_loop, default_timeout, checker.before_retry, checker.retry};
    }

    std::optional<Check> run(const std::string& virtual_host, const TlsFiles& tls);

    void address(const Statement& statement) {
        if (const auto value = address_of(statement)) check_.monitor.address = *value;
    }
    void source(const Statement& statement) {
        if (const auto value = address_of(statement)) check_.monitor.source = *value;
    }
    void port(const Statement& statement) {
        const auto port = value_of(statement, remarks_, "port",
                                   [](std::string_view text) { return number_of(text, 65'535); });
        if (port && *port != 0) check_.monitor.port = static_cast<std::uint16_t>(*port);
    }
    void connect_timeout(const Statement& statement) {
        check_.timing.connect_timeout = seconds(statement);
    }
    void delay_loop(const Statement& statement) { check_.timing.delay_loop = seconds(statement); }
    void delay_before_retry(const Statement& statement) {
        check_.timing.delay_before_retry = seconds(statement);
    }
    void retry(const Statement& statement) {
        const auto count = value_of(statement, remarks_, "number of retries",
                                    [](std::string_view text) { return number_of(text, 1'000); });
        if (count) check_.timing.retry = static_cast<std::uint32_t>(*count);
    }
    /// What connects within SMTP_CHECK in files of old.
    void host(const Statement& statement);

    void url(const Statement& statement) {
        if (has_url_) {
            remarks_.add(statement.place, "one url is checked, the first; this one is left out");
            return;
        }
        has_url_ = true;
        read_url(statement, check_.monitor, remarks_);
    }
    void http_host(const Statement& statement) {
        if (const auto host = read_host(statement, remarks_)) checker_host_ = *host;
    }
    void server_name(const Statement& statement) {
        if (const auto host = read_host(statement, remarks_)) check_.monitor.server_name = *host;
    }
    /// It is sent in any case.
    void ignore(const Statement& statement) { (void)statement; }

    void query_type(const Statement& statement) {
        const auto type =
            value_of(statement, remarks_, "type of a record of DNS", [](std::string_view text) {
                std::string word(text);
                std::ranges::transform(word, word.begin(), [](char c) {
                    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
                });
                return model::value_of<model::DnsType>(word);
            });
        if (type) check_.monitor.query_type = *type;
    }
    void query_name(const Statement& statement) {
        const auto name = value_of(statement, remarks_, "domain name", [](std::string_view text) {
            return is_domain_name(text) ? std::optional(std::string(text)) : std::nullopt;
        });
        if (name) check_.monitor.query_name = *name;
    }

    void program(const Statement& statement) {
        for (const auto& argument : statement.arguments) {
            for (auto& word : command_of(argument)) {
                std::string escaped;
                for (const char c : word)
                    escaped += c == '%' ? std::string("%%") : std::string(1, c);
                check_.monitor.sending_program.push_back(std::move(escaped));
            }
        }
    }

    void payload(const Statement& statement) { check_.monitor.send = bytes(statement); }
    void reply(const Statement& statement) {
        if (!statement.arguments.empty()) check_.monitor.expect = bytes(statement);
    }

  private:
    std::optional<net::Address> address_of(const Statement& statement) {
        return value_of(statement, remarks_, "address", [](std::string_view text) {
            const auto address = net::Address::parse(text);
            return address ? std::optional(*address) : std::nullopt;
        });
    }

    std::optional<milliseconds> seconds(const Statement& statement) {
        return value_of(statement, remarks_, "number of seconds", seconds_of);
    }

    /// Empty, with a remark, where a check cannot say it.
    std::string bytes(const Statement& statement) {
        const auto bytes = bytes_of(statement.arguments);
        if (bytes && bytes->size() <= model::max_exchange_length &&
            model::parse_exchange(model::format_exchange(*bytes))) {
            return *bytes;
        }
        remarks_.add(statement.place,
                     fmt::format("{}: only printable ASCII and line ends can be said here",
                                 statement.keyword));
        return "";
    }

    std::optional<Check> nothing(std::string_view why, std::string advice) {
        remarks_.add(check_.place, fmt::format("{} is left out: {}", check_.keyword, why),
                     std::move(advice));
        return std::nullopt;
    }

    std::optional<Check> finish();

    const Statement& statement_;
    Remarks& remarks_;
    Check check_;
    bool has_url_ = false;
    bool has_host_ = false;
    /// For a url without one of its own.
    std::string checker_host_;
};

constexpr std::string_view any_port = "the kernel chooses the port";
constexpr std::string_view used_from_the_start =
    "a real server is used from the start, and taken out when it fails";
constexpr std::string_view judged_by_beginning = "an answer is judged by its beginning";

constexpr std::array<Keyword<CheckReader>, 5> timing_keywords{{
    {"connect_timeout", &CheckReader::connect_timeout},
    {"delay_loop", &CheckReader::delay_loop},
    {"delay_before_retry", &CheckReader::delay_before_retry},
    {"retry", &CheckReader::retry},
    {"nb_get_retry", &CheckReader::retry},
}};
constexpr std::array<Keyword<CheckReader>, 3> unlike_keywords{{
    {"alpha", nullptr, used_from_the_start},
    {"warmup", nullptr, "checks are spread over the interval by themselves"},
    {"log_all_failures", nullptr, "the journal has every change of a real server"},
}};
constexpr std::array<Keyword<CheckReader>, 7> connection_keywords{{
    {"connect_ip", &CheckReader::address},
    {"connect_port", &CheckReader::port},
    {"bindto", &CheckReader::source},
    {"bind_if", nullptr, "bindto chooses where checks come from"},
    {"bind_port", nullptr, any_port},
    {"bindport", nullptr, any_port},
    {"fwmark", nullptr, "checks carry no mark"},
}};
constexpr std::array<Keyword<CheckReader>, 4> http_keywords{{
    {"url", &CheckReader::url},
    {"virtualhost", &CheckReader::http_host},
    {"http_protocol", nullptr, "HTTP/1.1 is spoken"},
    {"fast_recovery", nullptr, "one url is checked"},
}};
constexpr std::array<Keyword<CheckReader>, 2> https_keywords{{
    {"enable_sni", &CheckReader::ignore},
    {"sni_name", &CheckReader::server_name},
}};
constexpr std::array<Keyword<CheckReader>, 2> smtp_keywords{{
    {"host", &CheckReader::host},
    {"helo_name", nullptr, "the check chooses the name that it says"},
}};
constexpr std::array<Keyword<CheckReader>, 2> dns_keywords{{
    {"type", &CheckReader::query_type},
    {"name", &CheckReader::query_name},
}};
constexpr std::array<Keyword<CheckReader>, 4> program_keywords{{
    {"misc_path", &CheckReader::program},
    {"misc_timeout", &CheckReader::connect_timeout},
    {"misc_dynamic", nullptr, "a [virtual_server.load_monitor] makes weights from a program"},
    {"user", nullptr, "programs run as a user without rights"},
}};
constexpr std::array<Keyword<CheckReader>, 4> udp_keywords{{
    {"payload", &CheckReader::payload},
    {"require_reply", &CheckReader::reply},
    {"min_reply_length", nullptr, judged_by_beginning},
    {"max_reply_length", nullptr, judged_by_beginning},
}};

/// Of this kind of check.
std::vector<Keyword<CheckReader>> keywords_of(std::string_view checker) {
    std::vector<Keyword<CheckReader>> keywords;
    const auto add = [&](const auto& more) {
        keywords.insert(keywords.end(), more.begin(), more.end());
    };
    add(timing_keywords);
    add(unlike_keywords);
    if (checker != "MISC_CHECK") add(connection_keywords);
    if (checker == "HTTP_GET" || checker == "SSL_GET") add(http_keywords);
    if (checker == "SSL_GET") add(https_keywords);
    if (checker == "SMTP_CHECK") add(smtp_keywords);
    if (checker == "DNS_CHECK") add(dns_keywords);
    if (checker == "MISC_CHECK") add(program_keywords);
    if (checker == "UDP_CHECK") add(udp_keywords);
    return keywords;
}

void CheckReader::host(const Statement& statement) {
    if (std::exchange(has_host_, true)) {
        remarks_.add(statement.place, "one host is checked, the first; this one is left out");
        return;
    }
    read_block<CheckReader>(*this, statement.block, connection_keywords, "host", remarks_);
}

std::optional<Check> CheckReader::run(const std::string& virtual_host, const TlsFiles& tls) {
    if (check_.monitor.type == MonitorType::none) {
        return nothing("nothing here is like it",
                       "choose a check: type in [virtual_server.monitor]");
    }
    auto& monitor = check_.monitor;
    const bool over_http = monitor.type == MonitorType::http || monitor.type == MonitorType::https;
    if (monitor.type == MonitorType::dns) monitor.query_type = model::DnsType::soa;
    const auto keywords = keywords_of(check_.keyword);
    read_block<CheckReader>(*this, statement_.block, keywords, check_.keyword, remarks_);
    if (over_http && monitor.host.empty())
        monitor.host = checker_host_.empty() ? virtual_host : checker_host_;
    if (over_http && monitor.status.empty()) monitor.status.push_back({200, 299});
    if (monitor.type == MonitorType::https && !tls.certificate.empty() && !tls.key.empty()) {
        monitor.certificate_file = tls.certificate;
        monitor.key_file = tls.key;
    }
    return finish();
}

std::optional<Check> CheckReader::finish() {
    auto& monitor = check_.monitor;
    if (monitor.type == MonitorType::program) {
        if (monitor.sending_program.empty()) return nothing("it names no program", "");
        if (auto fault = program_fault(monitor.sending_program))
            return nothing(fault->message, std::move(fault->advice));
    }
    if (check_.keyword == "TCP_CHECK") monitor.protocol = Protocol::tcp;
    if (monitor.type == MonitorType::dns) monitor.protocol = Protocol::udp;
    if (check_.keyword == "UDP_CHECK") {
        monitor.protocol = Protocol::udp;
        if (monitor.send.empty() || monitor.expect.empty()) {
            return nothing("over UDP something is sent and an answer expected",
                           "set send and expect in [virtual_server.monitor]");
        }
    }
    return std::move(check_);
}

}  // namespace

int depth_of(const Check& check) {
    return checker_of(check.keyword)->depth;
}

bool is_checker(std::string_view keyword) {
    return checker_of(keyword) != nullptr;
}

std::optional<Check> read_check(const Statement& statement, const std::string& virtual_host,
                                const TlsFiles& tls, Remarks& remarks) {
    return CheckReader(*checker_of(statement.keyword), statement, remarks).run(virtual_host, tls);
}

}  // namespace shoal::config::keepalived
