#include <fmt/format.h>

#include <array>

#include "config/keepalived/check_http.h"
#include "config/keepalived/keywords.h"
#include "config/keepalived/service.h"
#include "config/keepalived/values.h"
#include "model/choices.h"

namespace shoal::config::keepalived {

namespace {

using model::ForwardingMethod;
using model::in_quotes;
using model::milliseconds;
using model::Protocol;
using model::SchedulerFlag;

constexpr std::uint64_t most_quorum = 1'000'000;

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

class ServiceReader {
  public:
    ServiceReader(const Statement& statement, Context& context)
        : statement_(statement), context_(context), remarks_(context.remarks) {
        service_.place = statement.place;
        service_.value.protocol = Protocol::udp;
        // It comes back with its first good answer.
        service_.value.reentry_time = milliseconds(0);
    }

    std::optional<Service> run();

    void scheduler(const Statement& statement) {
        const auto scheduler =
            value_of(statement, remarks_, "scheduler",
                     [](std::string_view text) { return model::value_of<model::Scheduler>(text); });
        if (scheduler) service_.value.scheduler = *scheduler;
    }
    void flag(const Statement& statement) {
        if (auto flag = model::value_of<SchedulerFlag>(statement.keyword))
            flags_.emplace_back(*flag, statement.place);
    }
    /// ipvsadm's names for what sh and mh make of them.
    void numbered_flag(const Statement& statement) {
        numbered_flags_.emplace_back(statement.keyword == "flag-1", statement.place);
    }
    void method(const Statement& statement) {
        const auto method = read_method(statement, remarks_);
        if (!method) return;
        service_.value.network_type = method->method;
        if (method->tunnel) set_tunnel(*method->tunnel);
    }
    void protocol(const Statement& statement) {
        const auto word = lower(value_of(statement, remarks_));
        service_.has_protocol = true;
        if (const auto protocol = model::value_of<Protocol>(word)) {
            service_.value.protocol = *protocol;
        } else {
            foreign_protocol_ = word;
        }
    }
    void persistence(const Statement& statement) {
        constexpr milliseconds default_persistence{360'000};
        constexpr milliseconds longest{31LL * 86'400'000};
        if (statement.arguments.empty()) {
            service_.value.persistence = default_persistence;
            return;
        }
        const auto timeout = value_of(statement, remarks_, "number of seconds", seconds_of);
        if (!timeout) return;
        if (*timeout < milliseconds(1'000)) {
            remarks_.add(statement.place, "persistence_timeout 0 means none here");
            return;
        }
        if (*timeout > longest)
            remarks_.add(statement.place, "persistence_timeout is cut to 31 days");
        service_.value.persistence = std::min(*timeout, longest);
    }
    void granularity(const Statement& statement) {
        const auto mask = value_of(statement, remarks_, "network mask",
                                   [](std::string_view text) -> std::optional<model::NetworkMask> {
                                       if (const auto known = model::parse_network_mask(text))
                                           return *known;
                                       const auto bits = number_of(text, 128);
                                       if (!bits || *bits == 0) return std::nullopt;
                                       return model::NetworkMask{static_cast<std::uint8_t>(*bits)};
                                   });
        if (mask) service_.value.persistence_netmask = *mask;
        granularity_place_ = statement.place;
    }
    void one_packet(const Statement& statement) {
        service_.value.one_packet = true;
        one_packet_place_ = statement.place;
    }
    void quorum(const Statement& statement) {
        const auto quorum = number(statement, most_quorum);
        if (quorum && *quorum > 0) service_.quorum = static_cast<std::uint32_t>(*quorum);
        service_.quorum_place = statement.place;
    }
    void hysteresis(const Statement& statement) {
        const auto hysteresis = number(statement, most_quorum);
        if (hysteresis) service_.hysteresis = static_cast<std::uint32_t>(*hysteresis);
        service_.quorum_place = statement.place;
    }
    void quorum_up(const Statement& statement) {
        service_.quorum_up = read_script(statement, remarks_);
    }
    void quorum_down(const Statement& statement) {
        service_.quorum_down = read_script(statement, remarks_);
    }
    void virtual_host(const Statement& statement) {
        if (const auto host = read_host(statement, remarks_)) service_.virtual_host = *host;
    }
    void name(const Statement& statement) { service_.name = value_of(statement, remarks_); }
    void mails(const Statement& statement) {
        service_.mails = statement.arguments.empty() ? true : flag_of(statement.arguments.front());
    }
    void delay_loop(const Statement& statement) { service_.timing.delay_loop = seconds(statement); }
    void connect_timeout(const Statement& statement) {
        service_.timing.connect_timeout = seconds(statement);
    }
    void before_retry(const Statement& statement) {
        service_.timing.delay_before_retry = seconds(statement);
    }
    void retry(const Statement& statement) {
        const auto count = number(statement, 1'000);
        if (count) service_.timing.retry = static_cast<std::uint32_t>(*count);
    }
    void inhibit(const Statement& statement) {
        service_.inhibit =
            statement.arguments.empty() || flag_of(statement.arguments.front()).value_or(true);
    }
    void sorry_server(const Statement& statement) {
        const auto parse = [](std::string_view text) {
            const auto parsed = net::Address::parse(text);
            return parsed ? std::optional(*parsed) : std::nullopt;
        };
        const auto address = value_of(statement, remarks_, "address", parse, 2);
        if (!address) return;
        const auto port = statement.arguments.size() < 2
                              ? std::optional<std::uint64_t>(0)
                              : number_of(statement.arguments[1], 65'535);
        if (!port) {
            remarks_.add(statement.place,
                         fmt::format("sorry_server: {} is no port, left out",
                                     in_quotes(statement.arguments[1])),
                         "write a number from 0 to 65535");
            return;
        }
        service_.value.sorry_server = model::SorryServer{*address, {}, {}};
        if (*port != 0) service_.sorry_port = static_cast<std::uint16_t>(*port);
    }
    void sorry_method(const Statement& statement) {
        const auto method = read_method(statement, remarks_);
        if (!method) return;
        sorry_method_ = method->method;
        if (method->tunnel && method->tunnel->type != model::TunnelType::ipip) {
            remarks_.add(statement.place,
                         "the sorry server is tunneled to as the virtual server says");
        }
    }
    void server(const Statement& statement) {
        if (server_statements_.size() < model::max_pool) {
            server_statements_.push_back(&statement);
        } else {
            remarks_.add(statement.place, "too many real servers, this one is left out",
                         fmt::format("at most {}", model::max_pool));
        }
    }
    /// The family is that of the address.
    void ignore(const Statement& statement) { (void)statement; }

  private:
    std::optional<milliseconds> seconds(const Statement& statement) {
        return value_of(statement, remarks_, "number of seconds", seconds_of);
    }
    std::optional<std::uint64_t> number(const Statement& statement, std::uint64_t most) {
        return value_of(statement, remarks_, "whole number in its range",
                        [&](std::string_view text) { return number_of(text, most); });
    }

    void set_tunnel(const model::Tunnel& tunnel) {
        service_.value.tunnel_type = tunnel.type;
        if (tunnel.type == model::TunnelType::gue) service_.value.tunnel_port = tunnel.port;
    }

    void set_flags() {
        const auto scheduler = service_.value.scheduler;
        const bool sh = scheduler == model::Scheduler::sh;
        const bool mh = scheduler == model::Scheduler::mh;
        for (const auto& [fallback, place] : numbered_flags_) {
            if (sh)
                flags_.emplace_back(fallback ? SchedulerFlag::sh_fallback : SchedulerFlag::sh_port,
                                    place);
            if (mh)
                flags_.emplace_back(fallback ? SchedulerFlag::mh_fallback : SchedulerFlag::mh_port,
                                    place);
            if (!sh && !mh) no_flag(place);
        }
        for (const auto& [flag, place] : flags_) {
            const bool of_sh = flag == SchedulerFlag::sh_port || flag == SchedulerFlag::sh_fallback;
            auto& known = service_.value.scheduler_flags;
            if (of_sh ? !sh : !mh) {
                no_flag(place);
            } else if (std::ranges::find(known, flag) == known.end()) {
                known.push_back(flag);
            }
        }
    }

    void no_flag(const Place& place) {
        remarks_.add(place, fmt::format("the scheduler {} has no such flag, left out",
                                        model::name_of(service_.value.scheduler)));
    }

    void set_on_failure();
    void set_servers() {
        for (const auto* statement : server_statements_) {
            if (auto server = read_server(*statement, service_, context_))
                service_.servers.push_back(std::move(*server));
        }
    }

    void set_sorry_method() {
        if (!sorry_method_) return;
        if (service_.value.sorry_server) service_.value.sorry_server->network_type = sorry_method_;
    }

    bool is_translated(std::optional<ForwardingMethod> own) const {
        return own.value_or(service_.value.network_type.value_or(ForwardingMethod::nat)) ==
               ForwardingMethod::nat;
    }

    void check_one_packet() {
        auto& value = service_.value;
        if (!value.one_packet) return;
        bool translated = value.sorry_server && is_translated(value.sorry_server->network_type);
        for (const auto& server : service_.servers)
            translated |= is_translated(server.value.network_type);
        const auto* why = value.protocol != Protocol::udp ? "it is for UDP"
                          : value.persistence             ? "persistence needs connections"
                          : translated                    ? "NAT needs connections"
                                                          : nullptr;
        if (why == nullptr) return;
        remarks_.add(one_packet_place_, fmt::format("ops is left out: {}", why));
        value.one_packet = false;
    }

    void check_mask() {
        if (!service_.value.persistence_netmask || service_.value.persistence) return;
        remarks_.add(granularity_place_,
                     "persistence_granularity without persistence_timeout, "
                     "left out");
        service_.value.persistence_netmask.reset();
    }

    /// Where no real server is behind a tunnel, its kind says nothing.
    void check_tunnel() {
        auto& value = service_.value;
        const auto tunneled = [&](std::optional<ForwardingMethod> own) {
            return own.value_or(value.network_type.value_or(ForwardingMethod::nat)) ==
                   ForwardingMethod::tunnel;
        };
        bool any = value.sorry_server && tunneled(value.sorry_server->network_type);
        bool any_gue = any;
        for (const auto& server : service_.servers) {
            const bool is = tunneled(server.value.network_type);
            any |= is;
            any_gue |= is && server.value.tunnel_type.value_or(model::TunnelType::gue) ==
                                 model::TunnelType::gue;
        }
        if (!any) value.tunnel_type.reset();
        if (!any_gue) value.tunnel_port.reset();
    }

    const Statement& statement_;
    Context& context_;
    Remarks& remarks_;
    Service service_;
    std::string foreign_protocol_;
    std::vector<std::pair<SchedulerFlag, Place>> flags_;
    std::vector<std::pair<bool, Place>> numbered_flags_;
    std::optional<ForwardingMethod> sorry_method_;
    std::vector<const Statement*> server_statements_;
    Place granularity_place_;
    Place one_packet_place_;
};

constexpr std::array<Keyword<ServiceReader>, 46> service_keywords{{
    {"lvs_sched", &ServiceReader::scheduler},
    {"lb_algo", &ServiceReader::scheduler},
    {"lvs_method", &ServiceReader::method},
    {"lb_kind", &ServiceReader::method},
    {"flag-1", &ServiceReader::numbered_flag},
    {"flag-2", &ServiceReader::numbered_flag},
    {"flag-3", nullptr, "no scheduler has it"},
    {"sh-port", &ServiceReader::flag},
    {"sh-fallback", &ServiceReader::flag},
    {"mh-port", &ServiceReader::flag},
    {"mh-fallback", &ServiceReader::flag},
    {"ops", &ServiceReader::one_packet},
    {"protocol", &ServiceReader::protocol},
    {"persistence_timeout", &ServiceReader::persistence},
    {"persistence_granularity", &ServiceReader::granularity},
    {"persistence_engine", nullptr, "a client is known by its address"},
    {"ip_family", &ServiceReader::ignore},
    {"snmp_name", &ServiceReader::name},
    {"virtualhost", &ServiceReader::virtual_host},
    {"smtp_alert", &ServiceReader::mails},
    {"quorum", &ServiceReader::quorum},
    {"hysteresis", &ServiceReader::hysteresis},
    {"quorum_up", &ServiceReader::quorum_up},
    {"quorum_down", &ServiceReader::quorum_down},
    {"delay_loop", &ServiceReader::delay_loop},
    {"connect_timeout", &ServiceReader::connect_timeout},
    {"delay_before_retry", &ServiceReader::before_retry},
    {"retry", &ServiceReader::retry},
    {"nb_get_retry", &ServiceReader::retry},
    {"inhibit_on_failure", &ServiceReader::inhibit},
    {"sorry_server", &ServiceReader::sorry_server},
    {"sorry_server_lvs_method", &ServiceReader::sorry_method},
    {"sorry_server_inhibit", nullptr, "the sorry server is not checked"},
    {"real_server", &ServiceReader::server},
    {"alpha", nullptr, "a real server is used from the start, and taken out when it fails"},
    {"omega", nullptr, "scripts run when something fails, not when shoald stops"},
    {"warmup", nullptr, "checks are spread over the interval by themselves"},
    {"ha_suspend", nullptr, "checks go on while another director has the address"},
    {"hashed", nullptr, "see scheduler"},
    {"est_timeout", nullptr, "see [global.timeouts]"},
    {"syn_proxy", nullptr, "floods are met in other ways"},
    {"laddr_group_name", nullptr, "the client's address is kept, there is no full NAT"},
    {"daddr_group_name", nullptr, "the client's address is kept, there is no full NAT"},
    {"vip_bind_dev", nullptr, "set device"},
    {"bind_dev", nullptr, "set device"},
    {"nat_mask", nullptr, "keepalived has none any more"},
}};

void ServiceReader::set_on_failure() {
    const auto& servers = service_.servers;
    const auto differs = [&](const Server& server) { return server.inhibit != service_.inhibit; };
    if (!servers.empty() && std::ranges::all_of(servers, differs))
        service_.inhibit = servers.front().inhibit;
    for (const auto& server : servers) {
        if (differs(server)) {
            remarks_.add(server.inhibit_place, "inhibit_on_failure of a real server is left out",
                         "on_failure is set for all real servers of a virtual server");
        }
    }
    if (service_.inhibit) service_.value.on_failure = model::OnFailure::drain;
}

std::optional<Service> ServiceReader::run() {
    read_block<ServiceReader>(*this, statement_.block, service_keywords, "virtual_server",
                              remarks_);
    if (!foreign_protocol_.empty()) {
        remarks_.add(statement_.place,
                     fmt::format("a virtual_server with protocol {} is left out",
                                 in_quotes(foreign_protocol_)),
                     "TCP and UDP are served");
        return std::nullopt;
    }
    set_flags();
    set_sorry_method();
    set_servers();
    set_on_failure();
    check_one_packet();
    check_mask();
    check_tunnel();
    set_monitor(service_, remarks_);
    set_quorum(service_, remarks_);
    return std::move(service_);
}

}  // namespace

std::optional<Method> read_method(const Statement& statement, Remarks& remarks) {
    const auto word = lower(value_of(statement, remarks));
    if (word == "nat" || word == "masq") return Method{ForwardingMethod::nat, {}};
    if (word == "dr") return Method{ForwardingMethod::direct, {}};
    if (word != "tun") {
        remarks.add(statement.place,
                    fmt::format("{}: {} is none of NAT, DR and TUN, left out", statement.keyword,
                                in_quotes(word)),
                    "without it NAT is meant");
        return std::nullopt;
    }
    Method method{ForwardingMethod::tunnel, {}};
    const auto& words = statement.arguments;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto next = i + 1 < words.size() ? std::string_view(words[i + 1]) : "";
        const auto type = model::value_of<model::TunnelType>(next);
        const auto port = number_of(next, 65'535);
        if (words[i] == "type" && type) {
            const bool gue = *type == model::TunnelType::gue;
            method.tunnel =
                model::Tunnel{*type, gue ? model::default_tunnel_port : std::uint16_t{0}};
            ++i;
        } else if (words[i] == "port" && port.value_or(0) != 0 && method.tunnel &&
                   method.tunnel->port != 0) {
            method.tunnel->port = static_cast<std::uint16_t>(*port);
            ++i;
        } else if (words[i] != "nocsum") {
            remarks.add(statement.place,
                        fmt::format("{}: {} is left out", statement.keyword, in_quotes(words[i])));
        }
    }
    return method;
}

std::optional<Script> read_script(const Statement& statement, Remarks& remarks) {
    auto command = command_of(value_of(statement, remarks));
    if (command.empty()) return std::nullopt;
    if (!command.front().starts_with('/')) {
        remarks.add(statement.place, fmt::format("{}: {} is no absolute path, left out",
                                                 statement.keyword, in_quotes(command.front())));
        return std::nullopt;
    }
    if (statement.arguments.size() > 1) {
        remarks.add(statement.place,
                    fmt::format("{}: it runs as a user without rights, not as {}",
                                statement.keyword, in_quotes(statement.arguments[1])));
    }
    return Script{std::move(command), statement.place};
}

std::optional<Service> read_service(const Statement& statement, Context& context) {
    return ServiceReader(statement, context).run();
}

}  // namespace shoal::config::keepalived
