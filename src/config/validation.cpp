#include "config/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "config/validators.h"
#include "model/choices.h"
#include "model/table_memory.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::in_quotes;

class Validator {
  public:
    Validator(const model::Configuration& configuration, const Table& document,
              const ReadOptions& options, ProblemList& problems)
        : configuration_(configuration),
          document_(document),
          options_(options),
          problems_(problems) {}

    void run() {
        table_size();
        nat_router();
        devices();
        redundancy();
        const auto services = parts("virtual_server", document_, configuration_.virtual_servers);
        const auto rules = parts("mark", document_, configuration_.marks);
        const Examination examination{configuration_, document_, problems_};
        validate_options(examination, services);
        validate_tunnels(examination, services);
        validate_families(examination, services);
        validate_ports(examination, services, rules);
        validate_marks(examination, services, rules);
        validate_monitors(examination, services);
        validate_check_ways(examination, services);
        validate_notifications(examination);
        validate_redundancy(examination);
        too_many(services, model::max_virtual_servers, "virtual servers");
        for (const auto& service : services) {
            if (service.given("address") && service.place("active") && service.value.active)
                floating_.emplace(service.value.address.address, title_of(service.value));
        }
        std::size_t servers = 0;
        for (const auto& service : services) {
            virtual_server(service);
            servers += service.value.real_servers.size();
            servers += service.value.sorry_server ? 1 : 0;
        }
        if (servers > model::max_real_servers && !services.empty()) {
            problems_.add(services.back().position,
                          fmt::format("{} real and sorry servers in all", servers),
                          fmt::format("at most {}", model::max_real_servers));
        }
    }

  private:
    struct FloatingAddress {
        net::Prefix address;
        std::string label;
        std::string owner;
        Position position;
    };

    template <class Value>
    void too_many(const std::vector<Part<Value>>& parts, std::size_t most, std::string_view what) {
        if (parts.size() <= most) return;
        problems_.add(parts[most].position, fmt::format("{} {}", parts.size(), what),
                      fmt::format("at most {}", most));
    }

    void table_size() {
        const auto* global = document_.find("global");
        const auto* table = global == nullptr ? nullptr : std::get_if<Table>(&global->node.value);
        const auto* entry = table == nullptr ? nullptr : table->find("table_size");
        const std::uint32_t cells = configuration_.global.table_size;
        if (entry == nullptr || !options_.memory) return;
        if (model::table_bytes(cells) <= *options_.memory) return;
        std::uint32_t fitting = cells;
        while (fitting > 1024 && model::table_bytes(fitting) > *options_.memory / 2)
            fitting /= 2;
        problems_.add(
            entry->node.position,
            fmt::format("table_size in [global]: {} cells take {} MB, this machine has {}", cells,
                        model::table_bytes(cells) >> 20, *options_.memory >> 20),
            fmt::format("at most {} here", fitting));
    }

    void nat_router() {
        const auto* global = document_.find("global");
        const auto* table = global == nullptr ? nullptr : std::get_if<Table>(&global->node.value);
        const auto* entry = table == nullptr ? nullptr : table->find("nat_router");
        const auto* router = entry == nullptr ? nullptr : std::get_if<Table>(&entry->node.value);
        if (router == nullptr) return;
        const Part<model::NatRouter> part{*router, entry->node.position,
                                          *configuration_.global.nat_router};
        device_exists(part.given("device"), part.value.device.device);
        floating_address(part, "the NAT router");
        if (part.given("address")) floating_.emplace(part.value.address.address, "the NAT router");
    }

    void devices() {
        std::map<std::string, Position> names;
        for (const auto& device : parts("device", document_, configuration_.devices)) {
            const auto place = device.given("name");
            device_exists(place, device.value.name);
            once(names, place, device.value.name,
                 fmt::format("device {} has two tables", in_quotes(device.value.name)));
        }
    }

    void redundancy() {
        const auto* entry = document_.find("redundancy");
        const auto* table = entry == nullptr ? nullptr : std::get_if<Table>(&entry->node.value);
        if (table != nullptr) {
            const Part<model::Redundancy> part{*table, entry->node.position,
                                               configuration_.redundancy};
            if (const auto place = part.given("sync_device"))
                device_exists(place, *part.value.sync_device);
        }
        for (const auto& instance :
             parts("vrrp_instance", document_, configuration_.vrrp_instances)) {
            device_exists(instance.given("device"), instance.value.device);
            vrrp_devices(instance);
        }
    }

    void vrrp_devices(const Part<model::VrrpInstance>& instance) {
        const auto& value = instance.value;
        for (std::size_t i = 0; i < value.track_devices.size(); ++i) {
            if (instance.given("track_devices"))
                device_exists(instance.item_place("track_devices", i), value.track_devices[i].name);
        }
        for (const auto& [key, addresses] :
             {std::pair{"addresses", &value.addresses},
              std::pair{"unadvertised_addresses", &value.unadvertised_addresses}}) {
            for (std::size_t i = 0; instance.given(key) && i < addresses->size(); ++i) {
                if (const auto& device = addresses->at(i).device)
                    device_exists(instance.item_place(key, i), device->device);
            }
        }
    }

    void virtual_server(const ServicePart& service) {
        const auto& value = service.value;
        once(names_, service.given("name"), value.name,
             fmt::format("two virtual servers have the name {}", in_quotes(value.name)));
        device_exists(service.given("device"), value.device.device);
        if (value.active && service.place("active")) {
            floating_address(service, title_of(value));
        }
        timing(service);
        real_servers(service);
    }

    /// An address has one prefix length and one device, whoever uses it.
    template <class Value>
    void floating_address(const Part<Value>& part, std::string owner) {
        const auto place = part.given("address");
        if (!place || !part.given("device")) return;
        const auto& [address, label] = std::tie(part.value.address, part.value.device.label);
        const auto [entry, added] = addresses_.try_emplace(
            address.address, FloatingAddress{address, label, owner, part.position});
        const auto& first = entry->second;
        if (added || (first.address == address && first.label == label)) return;
        problems_.add(
            *place,
            fmt::format("{} has {} on {}, but {} has {} on {}", owner, address.to_string(), label,
                        first.owner, first.address.to_string(), first.label),
            "write the same prefix length and device in both");
    }

    void device_exists(std::optional<Position> place, const std::string& name) {
        if (!place || !options_.devices) return;
        if (std::ranges::find(*options_.devices, name) != options_.devices->end()) return;
        const std::vector<std::string_view> known(options_.devices->begin(),
                                                  options_.devices->end());
        problems_.add(*place, fmt::format("there is no network device {}", in_quotes(name)),
                      advise(name, known));
    }

    void once(std::map<std::string, Position>& seen, std::optional<Position> place,
              const std::string& name, std::string message) {
        if (!place) return;
        const auto [first, added] = seen.try_emplace(name, *place);
        if (!added) problems_.add(*place, std::move(message), seen_in(first->second));
    }

    /// Check timeout <= check interval <= service timeout.
    void timing(const ServicePart& service) {
        const auto monitor = part_of(service, "monitor", &model::VirtualServer::monitor);
        if (!monitor || !service.place("service_timeout")) return;
        const auto& value = service.value;
        const auto interval = check_interval(value);
        if (const auto place = monitor->given("interval");
            place && interval > value.service_timeout) {
            too_long(service, *place, "check interval", interval, "service timeout",
                     value.service_timeout);
        }
        const auto timeout = check_timeout(value);
        if (const auto place = monitor->given("timeout");
            place && monitor->place("interval") && timeout > interval) {
            too_long(service, *place, "check timeout", timeout, "check interval", interval);
        }
    }

    void too_long(const ServicePart& service, Position place, std::string_view what,
                  model::milliseconds value, std::string_view limit, model::milliseconds most) {
        problems_.add(
            place,
            fmt::format("virtual server {}: the {}, {}, is longer than the {}, {}",
                        in_quotes(service.value.name), what, model::format_duration(value), limit,
                        model::format_duration(most)),
            "at most " + model::format_duration(most));
    }

    void real_servers(const ServicePart& service) {
        const auto servers = servers_of(service);
        std::map<std::string, Position> names;
        std::map<std::pair<net::Address, std::uint16_t>, Position> endpoints;
        for (const auto& server : servers) {
            once(names, server.given("name"), server.value.name,
                 fmt::format("two real servers of virtual server {} have the name {}",
                             in_quotes(service.value.name), in_quotes(server.value.name)));
            real_endpoint(service, server, endpoints);
        }
    }

    void real_endpoint(const ServicePart& service, const ServerPart& server,
                       std::map<std::pair<net::Address, std::uint16_t>, Position>& endpoints) {
        const auto place = server.given("address");
        if (!place) return;
        const auto& address = server.value.address;
        if (service.given("address") && address == service.value.address.address) {
            problems_.add(*place,
                          fmt::format("real server {} has the virtual address {} itself",
                                      in_quotes(server.value.name), address.to_string()),
                          "write the address of the machine that does the work");
        } else if (const auto owner = floating_.find(address); owner != floating_.end()) {
            problems_.add(
                *place,
                fmt::format("real server {} has {}, the address of {}: a director does "
                            "not send packets to itself",
                            in_quotes(server.value.name), address.to_string(), owner->second),
                "write the address of the machine that does the work");
        }
        const bool known =
            server.place("port") && service.place("port") && service.place("firewall_mark");
        if (!known) return;
        const auto port = real_port(service.value, server.value);
        const auto [first, added] = endpoints.try_emplace({address, port}, *place);
        if (added) return;
        problems_.add(
            *place,
            fmt::format("two real servers of {} have {}{}", title_of(service.value),
                        address.to_string(), port == 0 ? "" : fmt::format(" port {}", port)),
            seen_in(first->second));
    }

    const model::Configuration& configuration_;
    const Table& document_;
    const ReadOptions& options_;
    ProblemList& problems_;
    std::map<std::string, Position> names_;
    std::map<net::Address, FloatingAddress> addresses_;
    /// Addresses that the director itself has, and whose they are.
    std::map<net::Address, std::string> floating_;
};

}  // namespace

bool is_global_method_known(const Table& document) {
    const auto* global = document.find("global");
    const auto* table = global == nullptr ? nullptr : std::get_if<Table>(&global->node.value);
    const auto* entry = table == nullptr ? nullptr : table->find("network_type");
    return entry == nullptr || !entry->node.refused;
}

bool is_known(const Table& document, std::string_view list, std::string_view key,
              Presence presence) {
    const auto* entry = document.find(list);
    if (entry == nullptr) return true;
    const auto* nodes = std::get_if<List>(&entry->node.value);
    if (nodes == nullptr) return false;
    return std::ranges::all_of(*nodes, [&](const Node& node) {
        const auto* table = std::get_if<Table>(&node.value);
        if (table == nullptr) return false;
        const auto* value = table->find(key);
        return value == nullptr ? presence == Presence::optional : !value->node.refused;
    });
}

bool sets_mark(const model::Configuration& configuration, const model::VirtualServer& service) {
    return std::ranges::any_of(configuration.marks, [&](const model::MarkRule& rule) {
        return rule.value == service.firewall_mark &&
               rule.address.is_v6() == service.address.address.is_v6();
    });
}

std::string seen_in(Position position) {
    return position.line == 0 ? "" : fmt::format("the other one is in line {}", position.line);
}

ServerEndpoint endpoint_of(const model::VirtualServer& service, const model::RealServer& server) {
    return {server.address, real_port(service, server)};
}

ServerEndpoint sorry_endpoint(const model::VirtualServer& service,
                              const model::SorryServer& sorry) {
    model::RealServer like;
    like.port = sorry.port;
    return {sorry.address, real_port(service, like)};
}

std::size_t pool_size_of(const model::VirtualServer& service, std::size_t real_servers) {
    return real_servers + (service.sorry_server ? 1 : 0);
}

std::string pool_text(const model::VirtualServer& service, std::size_t real_servers) {
    return fmt::format("{} real servers{}", real_servers,
                       service.sorry_server ? " and a sorry server" : "");
}

std::string title_of(const model::VirtualServer& service) {
    return "virtual server " + in_quotes(service.name);
}

void validate(const model::Configuration& configuration, const Table& document,
              const ReadOptions& options, ProblemList& problems) {
    Validator(configuration, document, options, problems).run();
}

}  // namespace shoal::config
