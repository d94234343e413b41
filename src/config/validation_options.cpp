#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/validators.h"
#include "model/choices.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::ForwardingMethod;
using model::in_quotes;
using model::Scheduler;
using model::SchedulerFlag;

Scheduler scheduler_of(SchedulerFlag flag) {
    const bool of_sh = flag == SchedulerFlag::sh_port || flag == SchedulerFlag::sh_fallback;
    return of_sh ? Scheduler::sh : Scheduler::mh;
}

class OptionValidator {
  public:
    OptionValidator(const Examination& examination, const std::vector<ServicePart>& services)
        : configuration_(examination.configuration),
          problems_(examination.problems),
          services_(services),
          marks_are_known_(is_known(examination.document, "mark", "value", Presence::required)) {
        const auto* global = examination.document.find("global");
        const auto* table = global == nullptr ? nullptr : std::get_if<Table>(&global->node.value);
        const auto* entry = table == nullptr ? nullptr : table->find("network_type");
        global_method_is_known_ = entry == nullptr || !entry->node.refused;
        for (const auto& service : services)
            virtual_addresses_.insert(service.value.address.address);
        if (configuration_.global.nat_router)
            virtual_addresses_.insert(configuration_.global.nat_router->address.address);
    }

    void run() {
        for (const auto& service : services_) {
            pool_size(service);
            scheduler_flags(service);
            persistence(service);
            port(service);
            one_packet(service);
            sorry_server(service);
            access(service);
            checked_port(service);
            for (const auto& server : servers_of(service)) {
                translation(service, server, "real server " + in_quotes(server.value.name),
                            method_of(service, server));
                thresholds(server);
            }
        }
    }

  private:
    /// What is said about one virtual server.
    void add(Position place, const ServicePart& service, std::string_view message,
             std::string advice) {
        problems_.add(place, fmt::format("{}: {}", title_of(service.value), message),
                      std::move(advice));
    }

    /// Unset where it hangs on something that was refused.
    template <class Server>
    std::optional<ForwardingMethod> method_of(const ServicePart& service,
                                              const Part<Server>& server) const {
        if (!server.place("network_type")) return std::nullopt;
        if (server.value.network_type) return server.value.network_type;
        if (!service.place("network_type")) return std::nullopt;
        if (service.value.network_type) return service.value.network_type;
        if (!global_method_is_known_) return std::nullopt;
        return configuration_.global.network_type;
    }

    void pool_size(const ServicePart& service) {
        const auto servers = servers_of(service);
        const auto scheduler = service.value.scheduler;
        const auto most = model::most_real_servers(scheduler);
        if (!service.place("scheduler") || !service.place("sorry_server")) return;
        const auto count = pool_size_of(service.value, servers.size());
        if (count <= most) return;
        const auto place =
            servers.size() > most ? servers[most].position : *service.place("sorry_server");
        add(place, service, pool_text(service.value, servers.size()),
            fmt::format("at most {} with scheduler = \"{}\"", most, model::name_of(scheduler)));
    }

    void scheduler_flags(const ServicePart& service) {
        if (!service.given("scheduler_flags") || !service.place("scheduler")) return;
        const auto& flags = service.value.scheduler_flags;
        for (std::size_t i = 0; i < flags.size(); ++i) {
            const auto owner = scheduler_of(flags[i]);
            if (owner == service.value.scheduler) continue;
            add(service.item_place("scheduler_flags", i), service,
                fmt::format("{} is not a flag of the scheduler {}", model::name_of(flags[i]),
                            model::name_of(service.value.scheduler)),
                fmt::format("remove it, or use scheduler = \"{}\"", model::name_of(owner)));
        }
    }

    void persistence(const ServicePart& service) {
        if (!service.place("persistence") || service.value.persistence) return;
        const auto advice = "set persistence = \"5m\", or remove it";
        if (const auto place = service.given("persistence_netmask"))
            add(*place, service, "persistence_netmask is set, but persistence is not", advice);
        if (const auto place = service.given("keep_quiesced_clients");
            place && service.value.keep_quiesced_clients) {
            add(*place, service, "keep_quiesced_clients is set, but persistence is not", advice);
        }
    }

    void port(const ServicePart& service) {
        const auto place = service.given("port");
        if (!place || !service.place("firewall_mark")) return;
        const auto& value = service.value;
        if (value.firewall_mark && !value.port.is_any() && !value.port.is_single()) {
            add(*place, service,
                fmt::format("the [[mark]] of mark {} chooses the packets; port is only checked",
                            *value.firewall_mark),
                "write the one port to check, or remove it");
        }
        if (!value.firewall_mark && value.port.is_any() && service.place("persistence") &&
            !value.persistence) {
            add(*place, service, "port 0, every port, is only for persistent virtual servers",
                "set persistence = \"5m\", or write a port");
        }
    }

    void one_packet(const ServicePart& service) {
        const auto place = service.given("one_packet");
        if (!place || !service.value.one_packet) return;
        if (may_be_udp_less(service)) {
            add(*place, service, "one-packet scheduling is for UDP",
                "set protocol = \"udp\", or remove it");
        }
        if (service.given("persistence")) {
            add(*place, service,
                "one-packet scheduling remembers no client, and persistence needs it",
                "remove one of them");
        }
        const auto translated = behind_nat(service);
        if (translated.empty()) return;
        add(*place, service,
            fmt::format("one-packet scheduling remembers no connection, and the answers of {} "
                        "could not be translated back",
                        translated),
            "set network_type = \"direct\"");
    }

    /// The first of its real servers that certainly is; empty: none.
    std::string behind_nat(const ServicePart& service) const {
        for (const auto& server : servers_of(service)) {
            if (method_of(service, server) == ForwardingMethod::nat)
                return "real server " + in_quotes(server.value.name);
        }
        const auto sorry = sorry_part(service);
        const bool translated = sorry && method_of(service, *sorry) == ForwardingMethod::nat;
        return translated ? "the sorry server" : "";
    }

    /// Where the address stands alone, it is the place of all settings. Unset without an address.
    static std::optional<Part<model::SorryServer>> sorry_part(const ServicePart& service) {
        static const Table short_form;
        if (!service.given("sorry_server")) return std::nullopt;
        const auto& node = service.table.find("sorry_server")->node;
        const auto* table = std::get_if<Table>(&node.value);
        if (table != nullptr && table->find("address") == nullptr) return std::nullopt;
        return Part<model::SorryServer>{table == nullptr ? short_form : *table, node.position,
                                        *service.value.sorry_server};
    }

    /// True where no packet of the virtual server can be UDP.
    bool may_be_udp_less(const ServicePart& service) const {
        if (!service.place("protocol") || !service.place("firewall_mark")) return false;
        if (!service.value.firewall_mark) return service.value.protocol != model::Protocol::udp;
        return std::ranges::none_of(configuration_.marks, [&](const model::MarkRule& rule) {
            return rule.value == *service.value.firewall_mark &&
                   rule.address.is_v6() == service.value.address.address.is_v6() &&
                   rule.protocol == model::Protocol::udp;
        });
    }

    void sorry_server(const ServicePart& service) {
        const auto part = sorry_part(service);
        if (!part) return;
        const auto& sorry = part->value;
        const auto address = part->place("address");
        if (!address) return;
        if (virtual_addresses_.contains(sorry.address)) {
            add(*address, service,
                fmt::format("the sorry server has the virtual address {}",
                            sorry.address.to_string()),
                "write the address of the machine that serves instead");
        }
        not_a_real_server(service, *part, *address);
        translation(service, *part, "the sorry server of " + title_of(service.value),
                    method_of(service, *part));
    }

    void not_a_real_server(const ServicePart& service, const Part<model::SorryServer>& sorry,
                           Position address) {
        for (const auto& server : servers_of(service)) {
            if (!server.given("address") || !server.place("port") || !sorry.place("port") ||
                endpoint_of(service.value, server.value) !=
                    sorry_endpoint(service.value, sorry.value)) {
                continue;
            }
            add(address, service,
                fmt::format("the sorry server {} is also real server {}",
                            sorry.value.address.to_string(), in_quotes(server.value.name)),
                "write another machine, or another port of it");
        }
    }

    /// Only NAT rewrites the packet's port; and of several ports only those of a mark may become
    /// one, as with IPVS.
    template <class Server>
    void translation(const ServicePart& service, const Part<Server>& server, const std::string& who,
                     std::optional<ForwardingMethod> method) {
        const auto place = server.given("port");
        const bool known = service.place("port") && service.place("firewall_mark");
        if (!place || !known || !method) return;
        const auto& value = service.value;
        const auto port = *server.value.port;
        if (!value.firewall_mark && value.port == model::PortRange(port)) return;
        if (!value.firewall_mark && !value.port.is_single()) {
            problems_.add(*place,
                          fmt::format("{} has port {}, but {} has several ports, and each stays as "
                                      "it is",
                                      who, port, title_of(value)),
                          "remove it");
        } else if (*method != ForwardingMethod::nat) {
            problems_.add(
                *place,
                fmt::format("{} has port {}, but {} leaves {} as {}", who, port,
                            *method == ForwardingMethod::tunnel ? "tunneling" : "direct routing",
                            kept_ports(value), value.firewall_mark ? "they are" : "it is"),
                "remove it, or use network_type = \"nat\"");
        }
    }

    static std::string kept_ports(const model::VirtualServer& service) {
        if (service.firewall_mark)
            return fmt::format("the ports of mark {}", *service.firewall_mark);
        return model::format_port_range(service.port);
    }

    void access(const ServicePart& service) {
        if (!service.given("allow") || !service.given("deny")) return;
        const auto& allow = service.value.allow;
        const auto& deny = service.value.deny;
        const std::set<net::Prefix> allowed(allow.begin(), allow.end());
        for (std::size_t i = 0; i < deny.size(); ++i) {
            if (!allowed.contains(deny[i])) continue;
            add(service.item_place("deny", i), service,
                fmt::format("{} is both allowed and denied", deny[i].to_string()),
                "remove it from one of the lists");
        }
    }

    void checked_port(const ServicePart& service) {
        const bool known = service.place("port") && service.place("firewall_mark") &&
                           service.place("protocol") && service.place("monitor");
        if (!known || !is_checked(service.value.monitor) || !mark_has_rules(service)) return;
        const auto* monitor = service.table.find("monitor");
        const auto* table = monitor == nullptr ? nullptr : std::get_if<Table>(&monitor->node.value);
        if (table != nullptr && table->find("port") != nullptr) return;
        const bool unchecked = std::ranges::any_of(servers_of(service), [&](const auto& server) {
            return server.place("port") &&
                   check_port(configuration_, service.value, server.value) == 0;
        });
        if (!unchecked) return;
        add(service.given("port").value_or(service.position), service,
            "it is not said which port of the real servers is checked",
            "set port in [virtual_server.monitor], or type = \"none\" there");
    }

    bool mark_has_rules(const ServicePart& service) const {
        if (!service.value.firewall_mark) return true;
        return marks_are_known_ && sets_mark(configuration_, service.value);
    }

    void thresholds(const ServerPart& server) {
        const auto place = server.given("lower_threshold");
        const auto& [upper, lower] =
            std::tie(server.value.upper_threshold, server.value.lower_threshold);
        if (!place || !server.place("upper_threshold") || lower <= upper) return;
        problems_.add(
            *place,
            fmt::format("real server {}: the lower threshold, {}, is above the upper "
                        "one, {}",
                        in_quotes(server.value.name), lower,
                        upper == 0 ? "which is not set" : std::to_string(upper)),
            upper == 0 ? "set upper_threshold, or remove it" : fmt::format("at most {}", upper));
    }

    const model::Configuration& configuration_;
    ProblemList& problems_;
    const std::vector<ServicePart>& services_;
    bool marks_are_known_;
    bool global_method_is_known_ = true;
    std::set<net::Address> virtual_addresses_;
};

}  // namespace

void validate_options(const Examination& examination, const std::vector<ServicePart>& services) {
    OptionValidator(examination, services).run();
}

}  // namespace shoal::config
