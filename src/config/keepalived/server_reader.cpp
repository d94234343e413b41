#include <fmt/format.h>

#include <array>
#include <limits>

#include "config/keepalived/check_http.h"
#include "config/keepalived/keywords.h"
#include "config/keepalived/service.h"
#include "config/keepalived/values.h"

namespace shoal::config::keepalived {

namespace {

using model::in_quotes;

class ServerReader {
  public:
    ServerReader(const Statement& statement, const Service& service, Context& context)
        : statement_(statement), service_(service), context_(context), remarks_(context.remarks) {
        server_.place = statement.place;
        server_.virtual_host = service.virtual_host;
        server_.inhibit = service.inhibit;
    }

    std::optional<Server> run();

    void weight(const Statement& statement) {
        constexpr std::uint64_t most = 65'535;
        const auto weight = number(statement);
        if (weight && *weight > most)
            remarks_.add(statement.place, fmt::format("weight {} is cut to {}", *weight, most));
        if (weight) server_.value.weight = static_cast<std::uint32_t>(std::min(*weight, most));
    }
    void method(const Statement& statement) {
        const auto method = read_method(statement, remarks_);
        if (!method) return;
        server_.value.network_type = method->method;
        if (!method->tunnel) return;
        server_.value.tunnel_type = method->tunnel->type;
        if (method->tunnel->port != 0) server_.value.tunnel_port = method->tunnel->port;
    }
    void upper(const Statement& statement) {
        if (const auto value = number(statement))
            server_.value.upper_threshold = static_cast<std::uint32_t>(*value);
    }
    void lower(const Statement& statement) {
        if (const auto value = number(statement))
            server_.value.lower_threshold = static_cast<std::uint32_t>(*value);
        lower_place_ = statement.place;
    }
    void inhibit(const Statement& statement) {
        server_.inhibit =
            statement.arguments.empty() || flag_of(statement.arguments.front()).value_or(true);
        server_.inhibit_place = statement.place;
    }
    void up(const Statement& statement) { server_.up = read_script(statement, remarks_); }
    void down(const Statement& statement) { server_.down = read_script(statement, remarks_); }
    void virtual_host(const Statement& statement) {
        if (const auto host = read_host(statement, remarks_)) server_.virtual_host = *host;
    }
    void name(const Statement& statement) { server_.value.name = value_of(statement, remarks_); }
    void delay_loop(const Statement& statement) { server_.timing.delay_loop = seconds(statement); }
    void connect_timeout(const Statement& statement) {
        server_.timing.connect_timeout = seconds(statement);
    }
    void before_retry(const Statement& statement) {
        server_.timing.delay_before_retry = seconds(statement);
    }
    void retry(const Statement& statement) {
        if (const auto count = number(statement))
            server_.timing.retry =
                static_cast<std::uint32_t>(std::min(*count, std::uint64_t{1'000}));
    }
    void check(const Statement& statement) { check_statements_.push_back(&statement); }

  private:
    std::optional<model::milliseconds> seconds(const Statement& statement) {
        return value_of(statement, remarks_, "number of seconds", seconds_of);
    }
    std::optional<std::uint64_t> number(const Statement& statement) {
        return value_of(statement, remarks_, "whole number in its range",
                        [](std::string_view text) {
                            return number_of(text, std::numeric_limits<std::int32_t>::max());
                        });
    }

    /// Unset: the real server's address is none.
    bool endpoint() {
        const auto& words = statement_.arguments;
        const auto address =
            words.empty() ? Result<net::Address>(fail("")) : net::Address::parse(words.front());
        if (!address) {
            remarks_.add(statement_.place,
                         fmt::format("real_server: {} is no address, left out",
                                     words.empty() ? "it" : in_quotes(words.front())),
                         "write an IPv4 or IPv6 address");
            return false;
        }
        server_.value.address = *address;
        if (words.size() < 2) return true;
        const auto port = number_of(words[1], 65'535);
        if (!port) {
            remarks_.add(statement_.place,
                         fmt::format("real_server: {} is no port, left out", in_quotes(words[1])));
        }
        server_.port = static_cast<std::uint16_t>(port.value_or(0));
        return true;
    }

    void thresholds() {
        auto& value = server_.value;
        if (value.lower_threshold <= value.upper_threshold) return;
        remarks_.add(lower_place_, "lthreshold is above uthreshold, left out");
        value.lower_threshold = 0;
    }

    void tunnel() {
        auto& value = server_.value;
        const auto method = value.network_type.value_or(
            service_.value.network_type.value_or(model::ForwardingMethod::nat));
        if (method != model::ForwardingMethod::tunnel) value.tunnel_type.reset();
        if (value.tunnel_type != model::TunnelType::gue) value.tunnel_port.reset();
    }

    const Statement& statement_;
    const Service& service_;
    Context& context_;
    Remarks& remarks_;
    Server server_;
    std::vector<const Statement*> check_statements_;
    Place lower_place_;
};

constexpr std::string_view of_all = "it is set for all real servers of a virtual server";
constexpr std::array<Keyword<ServerReader>, 30> server_keywords{{
    {"weight", &ServerReader::weight},
    {"lvs_method", &ServerReader::method},
    {"lb_kind", &ServerReader::method},
    {"uthreshold", &ServerReader::upper},
    {"lthreshold", &ServerReader::lower},
    {"inhibit_on_failure", &ServerReader::inhibit},
    {"notify_up", &ServerReader::up},
    {"notify_down", &ServerReader::down},
    {"virtualhost", &ServerReader::virtual_host},
    {"snmp_name", &ServerReader::name},
    {"delay_loop", &ServerReader::delay_loop},
    {"connect_timeout", &ServerReader::connect_timeout},
    {"delay_before_retry", &ServerReader::before_retry},
    {"retry", &ServerReader::retry},
    {"nb_get_retry", &ServerReader::retry},
    {"alpha", nullptr, "a real server is used from the start, and taken out when it fails"},
    {"warmup", nullptr, "checks are spread over the interval by themselves"},
    {"smtp_alert", nullptr, of_all},
    {"log_all_failures", nullptr, "the journal has every change of a real server"},
    {"tunnel_type", nullptr, "write lvs_method TUN type ..."},
    {"HTTP_GET", &ServerReader::check},
    {"SSL_GET", &ServerReader::check},
    {"TCP_CHECK", &ServerReader::check},
    {"SMTP_CHECK", &ServerReader::check},
    {"DNS_CHECK", &ServerReader::check},
    {"MISC_CHECK", &ServerReader::check},
    {"UDP_CHECK", &ServerReader::check},
    {"PING_CHECK", &ServerReader::check},
    {"BFD_CHECK", &ServerReader::check},
    {"FILE_CHECK", &ServerReader::check},
}};

std::optional<Server> ServerReader::run() {
    if (!endpoint()) return std::nullopt;
    read_block<ServerReader>(*this, statement_.block, server_keywords, "real_server", remarks_);
    for (const auto* statement : check_statements_) {
        if (auto check = read_check(*statement, server_.virtual_host, context_.tls, remarks_))
            server_.checks.push_back(std::move(*check));
    }
    thresholds();
    tunnel();
    return std::move(server_);
}

}  // namespace

std::optional<Server> read_server(const Statement& statement, const Service& service,
                                  Context& context) {
    return ServerReader(statement, service, context).run();
}

}  // namespace shoal::config::keepalived
