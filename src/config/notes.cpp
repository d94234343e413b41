#include "config/notes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "config/parts.h"
#include "config/problem_list.h"
#include "config/text_lines.h"
#include "config/toml_document.h"
#include "config/validators.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::PortRange;

constexpr std::uint16_t ftp_port = 21;
constexpr std::uint16_t first_unprivileged_port = 1024;

/// What FTP's control connections come to, rather than any port at all.
bool names_ftp(const PortRange& ports) {
    return !ports.is_any() && ports.contains(ftp_port) && ports.last < first_unprivileged_port;
}

class Notes {
  public:
    Notes(const model::Configuration& configuration, const Table& document, const PathMtus& mtus)
        : configuration_(configuration), document_(document), mtus_(mtus) {}

    std::vector<Problem> take() {
        redundancy();
        for (const auto& service :
             parts("virtual_server", document_, configuration_.virtual_servers)) {
            if (!service.value.active) continue;
            ignored_ports(service);
            unmarked_address(service);
            tunnels(service);
            load_monitor(service);
            quorum(service);
            flap_damping(service);
            // Virtual servers of one mark are one.
            const auto mark = service.value.firewall_mark;
            if (mark && !seen_marks_.insert(*mark).second) continue;
            several_ports(service);
            ftp(service);
        }
        return notes_.take();
    }

  private:
    void add(const ServicePart& service, std::string_view key, std::string_view message,
             std::string advice) {
        notes_.add(*service.place(key), fmt::format("{}: {}", title_of(service.value), message),
                   std::move(advice));
    }

    /// The TCP ports that it takes.
    std::vector<PortRange> ports_of(const model::VirtualServer& service) const {
        std::vector<PortRange> ports;
        if (!service.firewall_mark) {
            if (service.protocol == model::Protocol::tcp) ports.push_back(service.port);
            return ports;
        }
        for (const auto& rule : configuration_.marks) {
            if (rule.value != *service.firewall_mark || rule.protocol != model::Protocol::tcp)
                continue;
            ports.insert(ports.end(), rule.ports.begin(), rule.ports.end());
        }
        return ports;
    }

    void redundancy() {
        const auto stored = [&](Position place) {
            notes_.add(place, "redundancy is not yet running: it is read, checked and kept",
                       "let this director be the only one");
        };
        const auto instances = tables_of("vrrp_instance", document_);
        if (configuration_.redundancy.active) {
            stored(document_.find("redundancy")->node.position);
        } else if (!instances.empty()) {
            stored(instances.front().position);
        }
    }

    void unmarked_address(const ServicePart& service) {
        const auto mark = service.value.firewall_mark;
        const auto sets = [&](const model::MarkRule& rule) {
            return rule.value == mark && rule.address == service.value.address.address;
        };
        if (!mark || std::ranges::any_of(configuration_.marks, sets)) return;
        add(service, "firewall_mark",
            fmt::format("no [[mark]] sets mark {} on packets to its address, {}", *mark,
                        service.value.address.address.to_string()),
            "write one, if clients are to use this address");
    }

    /// As in IPVS, a template of a mark has no port of the real server.
    void ignored_ports(const ServicePart& service) {
        if (!service.value.firewall_mark || !service.value.persistence) return;
        for (const auto& server : servers_of(service)) {
            if (!server.value.port) continue;
            notes_.add(*server.place("port"),
                       fmt::format("real server {}: with a firewall mark and persistence the "
                                   "packets keep their port; {} is only checked",
                                   model::in_quotes(server.value.name), *server.value.port),
                       "set port in [virtual_server.monitor] instead");
        }
    }

    void several_ports(const ServicePart& service) {
        const auto& value = service.value;
        if (!value.firewall_mark || value.persistence) return;
        std::size_t count = 0;
        for (const auto& rule : configuration_.marks) {
            if (rule.value != *value.firewall_mark) continue;
            const bool single = rule.ports.size() == 1 && rule.ports[0].is_single();
            count += single ? 1 : 2;
        }
        if (count < 2) return;
        add(service, "firewall_mark",
            fmt::format("without persistence, connections of one client to the ports of mark {} "
                        "may reach different real servers",
                        *value.firewall_mark),
            "set persistence = \"5m\", if they belong together");
    }

    void ftp(const ServicePart& service) {
        const auto& value = service.value;
        const auto ports = ports_of(value);
        if (!std::ranges::any_of(ports, names_ftp)) return;
        const auto data = data_ports(value, ports);
        const auto key = value.firewall_mark ? "firewall_mark" : "port";
        if (data.empty()) {
            add(service, key, "passive data connections of FTP reach no real server",
                value.firewall_mark
                    ? "add their range to the ports of the [[mark]]: ports = [21, \"10000-20000\"]"
                    : "set persistence = \"5m\", which takes the ports 1024-65535 too, or make a "
                      "[[mark]] with ports = [21, \"10000-20000\"]");
            return;
        }
        const auto range =
            fmt::format("pasv_min_port and pasv_max_port within {}", fmt::join(data, " or "));
        if (behind_nat(value)) {
            add(service, key, "behind NAT, the addresses that FTP speaks of are not rewritten",
                fmt::format("vsftpd.conf of its real servers needs pasv_address={}, and {}",
                            value.address.address.to_string(), range));
        } else if (value.firewall_mark) {
            add(service, key, "only the data connections to the ports of the mark reach it",
                fmt::format("vsftpd.conf of its real servers needs {}", range));
        }
    }

    /// Where passive data connections may go to.
    static std::vector<std::string> data_ports(const model::VirtualServer& service,
                                               const std::vector<PortRange>& ports) {
        if (!service.firewall_mark) {
            return service.persistence ? std::vector<std::string>{"1024-65535"}
                                       : std::vector<std::string>{};
        }
        std::vector<std::string> ranges;
        for (const auto& range : ports) {
            const PortRange known = range.is_any() ? PortRange(1, 65'535) : range;
            if (known.last < first_unprivileged_port) continue;
            ranges.push_back(model::format_port_range(
                {std::max(known.first, first_unprivileged_port), known.last}));
        }
        return ranges;
    }

    /// Said once for each virtual server, of the first real server that it holds for.
    void tunnels(const ServicePart& service) {
        for (const auto& server : servers_of(service)) {
            const auto method = forwarding_method(configuration_, service.value, server.value);
            const auto path = mtus_.real_servers.find(server.value.address);
            if (method != model::ForwardingMethod::tunnel || path == mtus_.real_servers.end())
                continue;
            const auto type = tunnel_of(method, service.value, server.value).type;
            if (tunnel(service, server, path->second, tunnel_overhead(type, path->first))) return;
        }
    }

    /// Whether there is something to say. `path` is the device that leads there, and its MTU.
    bool tunnel(const ServicePart& service, const ServerPart& server,
                const std::pair<std::string, std::uint32_t>& path, std::uint32_t overhead) {
        const auto& value = service.value;
        const bool v6 = value.address.address.is_v6();
        const auto& [device, mtu] = path;
        const auto room = mtu - std::min(mtu, overhead);
        const auto title = title_of(value);
        const auto name = model::in_quotes(server.value.name);
        if (const auto least = v6 ? least_ipv6_mtu : least_ipv4_mtu; room < least) {
            notes_.add(
                server.position,
                fmt::format("{}: packets of more than {} bytes do not fit through the tunnel "
                            "to real server {}, and {} needs {} on every way",
                            title, room, name, v6 ? "IPv6" : "IPv4", least),
                fmt::format("give {} an MTU of {} at least", device, least + overhead));
            return true;
        }
        const auto client = mtus_.devices.find(value.device.device);
        if (client == mtus_.devices.end() || room >= client->second) return false;
        const auto headers = v6 ? tcp_ipv6_headers : tcp_ipv4_headers;
        notes_.add(
            server.position,
            fmt::format("{}: packets of more than {} bytes do not fit through the tunnel to real "
                        "server {}, and {} takes {}",
                        title, room, name, client->first, client->second),
            fmt::format("give {} an MTU of {}, or let the real servers announce segments of {} "
                        "bytes (advmss of their routes)",
                        device, client->second + overhead, room - headers));
        return true;
    }

    static constexpr std::uint32_t tcp_ipv4_headers = 40;
    static constexpr std::uint32_t tcp_ipv6_headers = 60;
    /// RFC 791: what every host takes. RFC 8200: what every way must carry.
    static constexpr std::uint32_t least_ipv4_mtu = 576;
    static constexpr std::uint32_t least_ipv6_mtu = 1280;

    static std::uint32_t tunnel_overhead(model::TunnelType type, const net::Address& outer) {
        const std::uint32_t ip = outer.is_v6() ? 40 : 20;
        switch (type) {
            case model::TunnelType::gre:
                return ip + 4;
            case model::TunnelType::gue:
                return ip + 12;
            case model::TunnelType::ipip:
                break;
        }
        return ip;
    }

    /// Red Hat's and Piranha's manuals warn of it.
    void load_monitor(const ServicePart& service) {
        using enum model::Scheduler;
        if (service.value.load_monitor.tool == model::LoadTool::none) return;
        switch (service.value.scheduler) {
            case rr:
            case lc:
            case dh:
                add(service, "load_monitor",
                    fmt::format("the scheduler {} does not look at weights, which is all that load "
                                "monitoring changes",
                                model::name_of(service.value.scheduler)),
                    "use scheduler = \"wrr\" or \"wlc\", or remove load_monitor");
                return;
            default:
                add(service, "load_monitor",
                    fmt::format("load monitoring is not load balancing: together with a scheduler "
                                "that goes by weights, as {} does, where connections go is hard to "
                                "predict",
                                model::name_of(service.value.scheduler)),
                    "watch the weights in `shoal status`, and remove load_monitor if the pool does "
                    "not come to rest");
        }
    }

    void quorum(const ServicePart& service) {
        const auto& value = service.value;
        const auto usable = static_cast<std::uint32_t>(
            std::ranges::count_if(value.real_servers, &model::RealServer::active));
        if (!service.given("quorum") && !service.given("quorum_hysteresis")) return;
        if (value.quorum > usable) {
            add(service, "quorum",
                fmt::format("the quorum, {}, is more than its {} active real servers: it is never "
                            "reached",
                            value.quorum, usable),
                usable == 0 ? "add real servers" : fmt::format("at most {}", usable));
        } else if (value.quorum + value.quorum_hysteresis > usable) {
            add(service, "quorum_hysteresis",
                fmt::format("once lost, the quorum needs {} real servers, and there are {}",
                            value.quorum + value.quorum_hysteresis, usable),
                fmt::format("at most {}", usable - value.quorum));
        }
    }

    void flap_damping(const ServicePart& service) {
        const auto& value = service.value;
        if (value.flap_damping.count() == 0) return;
        if (value.reentry_time.count() == 0)
            return add(service, "flap_damping",
                       "flap damping doubles the re-entry time, which is 0",
                       "set reentry_time, or remove it");
        if (value.flap_damping > value.reentry_time) return;
        add(service, "flap_damping",
            fmt::format("the re-entry time is {} already, and flap damping ends at {}",
                        model::format_duration(value.reentry_time),
                        model::format_duration(value.flap_damping)),
            "write a longer time, or remove it");
    }

    bool behind_nat(const model::VirtualServer& service) const {
        return std::ranges::any_of(service.real_servers, [&](const model::RealServer& server) {
            return forwarding_method(configuration_, service, server) ==
                   model::ForwardingMethod::nat;
        });
    }

    const model::Configuration& configuration_;
    const Table& document_;
    const PathMtus& mtus_;
    std::set<std::uint32_t> seen_marks_;
    ProblemList notes_;
};

}  // namespace

std::vector<Problem> notes_on(const model::Configuration& configuration, std::string_view text,
                              const PathMtus& mtus) {
    const auto document = parse_toml(without_byte_order_mark(text));
    if (!document) return {};
    return Notes(configuration, *document, mtus).take();
}

}  // namespace shoal::config
