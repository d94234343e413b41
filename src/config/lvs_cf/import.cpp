#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "config/lvs_cf/check_texts.h"
#include "config/lvs_cf/file.h"
#include "config/lvs_cf/lvs_cf.h"
#include "config/model_reader.h"
#include "config/table_builder.h"
#include "config/text_lines.h"
#include "config/toml_reader.h"
#include "config/validation.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using lvs_cf::File;
using lvs_cf::Given;
using lvs_cf::Host;
using lvs_cf::Virtual;
using model::in_quotes;

/// The length of a mask without gaps.
std::optional<int> length_of(const lvs_cf::Mask& mask) {
    const int length = std::countl_one(mask.bits);
    if (length == 0 || std::popcount(mask.bits) != length) return std::nullopt;
    return length;
}

/// Makes of an lvs.cf the document of a shoal.toml, each value with its place in the lvs.cf, so
/// that the checks of shoal.toml find what is wrong and say where.
class Importer {
  public:
    Importer(const File& file, ProblemList& errors, ProblemList& remarks)
        : file_(file), errors_(errors), remarks_(remarks) {
        for (const auto& service : file.virtuals) {
            if (service.active.value) active_marks_.insert(service.fwmark.value);
        }
    }

    Table document() {
        global();
        redundancy();
        for (const auto& service : file_.virtuals)
            virtual_server(service);
        put_list("virtual_server", std::move(services_));
        List marks;
        for (const auto value : mark_order_)
            std::ranges::move(marks_[value], std::back_inserter(marks));
        put_list("mark", std::move(marks));
        return std::move(document_);
    }

  private:
    /// The names that are used, each with the number to try next behind it.
    using Names = std::map<std::string, int>;

    void put_list(std::string_view key, List list) {
        if (!list.empty()) put(document_, key, node(std::move(list), {1, 1}));
    }

    template <class Value>
    static void put_given(Table& table, std::string_view key, const Given<Value>& given) {
        if (given.is_given()) put(table, key, node(given.value, given.place));
    }

    void global() {
        const auto& global = file_.global;
        if (global.service.value == "fos")
            remarks_.add(global.service.place,
                         "failover services have no counterpart: virtual servers alone are read");
        Table table;
        put_given(table, "network_type", global.network);
        nat_router(table);
        Table timeouts;
        for (const auto& [key, given] : {std::pair{"established", &global.tcp_timeout},
                                         std::pair{"fin_wait", &global.tcpfin_timeout},
                                         std::pair{"udp", &global.udp_timeout}}) {
            // ipvsadm --set: 0 leaves it as it is.
            if (given->value != 0) put(timeouts, key, node(given->value, given->place));
        }
        if (!timeouts.entries.empty()) put(table, "timeouts", node(std::move(timeouts), {1, 1}));
        if (!table.entries.empty()) put(document_, "global", node(std::move(table), {1, 1}));
    }

    void nat_router(Table& table) {
        const auto& global = file_.global;
        const auto& router = global.nat_router;
        if (!router.is_given() || is_none(router.value.host)) return;
        if (global.network.value != "nat") {
            remarks_.add(router.place, "the NAT router is used with network = nat alone: left out");
            return;
        }
        const auto address = placed_address(router, global.nat_nmask, "nat_nmask");
        if (!address) return;
        Table entry;
        put(entry, "address", node(*address, router.place));
        put(entry, "device", node(router.value.device, router.place));
        put(table, "nat_router", node(std::move(entry), router.place));
    }

    /// "192.0.2.80/24"; unset where it is reported.
    std::optional<std::string> placed_address(const Given<lvs_cf::Placed>& placed,
                                              const Given<lvs_cf::Mask>& mask,
                                              std::string_view mask_key) {
        const auto& host = placed.value.host;
        if (!host.address) {
            errors_.add(placed.place, fmt::format("{} is a name", in_quotes(host.name)),
                        "write the address that it stands for: names are not looked up");
            return std::nullopt;
        }
        if (mask.value.bits == 0) {
            remarks_.add(placed.place, fmt::format("there is no {}: the network is the address "
                                                   "alone, /32",
                                                   mask_key));
            return host.address->to_string();
        }
        const auto length = length_of(mask.value);
        if (!length) {
            errors_.add(mask.place, fmt::format("{} has gaps", mask_key),
                        "for instance 255.255.255.0");
            return std::nullopt;
        }
        return fmt::format("{}/{}", host.address->to_string(), *length);
    }

    void redundancy() {
        const auto& global = file_.global;
        Table table;
        bool active = global.backup_active.value;
        if (active && is_none(global.backup.value)) {
            remarks_.add(global.backup_active.place,
                         "the backup has no address: redundancy is left inactive, as Piranha did");
            active = false;
        }
        if (global.backup_active.is_given())
            put(table, "active", node(active, global.backup_active.place));
        director(table, "primary", global.primary);
        director(table, "primary_private", global.primary_private);
        director(table, "backup", global.backup);
        director(table, "backup_private", global.backup_private);
        heartbeat(table);
        put_given(table, "monitor_links", global.monitor_links);
        synchronisation(table);
        command(table, "activation_command", global.active_cmd);
        command(table, "deactivation_command", global.inactive_cmd);
        if (!table.entries.empty()) put(document_, "redundancy", node(std::move(table), {1, 1}));
    }

    void director(Table& table, std::string_view key, const Given<Host>& given) {
        if (!given.is_given() || is_none(given.value)) return;
        if (given.value.address) {
            put(table, key, node(given.value.address->to_string(), given.place));
        } else {
            remarks_.add(given.place,
                         fmt::format("{} is a name: names are not looked up, and {} is left out",
                                     in_quotes(given.value.name), key));
        }
    }

    /// Piranha's default holds where there is a backup.
    void heartbeat(Table& table) {
        const auto& [keepalive, deadtime] = std::tie(file_.global.keepalive, file_.global.deadtime);
        constexpr std::int64_t longest = 40;
        if (keepalive.is_given() && keepalive.value >= 1 && keepalive.value <= longest) {
            put(table, "interval", node(keepalive.value, keepalive.place));
        } else if (keepalive.is_given()) {
            remarks_.add(keepalive.place, "heartbeats come every 10 ms to 40 s: left out");
        } else if (file_.global.backup_active.value) {
            put(table, "interval", node(keepalive.value, file_.global.backup_active.place));
        }
        constexpr std::int64_t lost_heartbeats = 3;
        if (deadtime.is_given() &&
            (keepalive.value > longest || deadtime.value != lost_heartbeats * keepalive.value))
            remarks_.add(deadtime.place,
                         "deadtime has no counterpart: a director counts as dead after three "
                         "heartbeats that did not come, and a little more");
    }

    void synchronisation(Table& table) {
        const auto& global = file_.global;
        put_given(table, "sync_connections", global.syncdaemon);
        put_given(table, "sync_device", global.syncd_iface);
        if (!global.syncd_id.is_given()) return;
        const auto used = global.syncd_id.value & 0xff;
        if (used != global.syncd_id.value)
            remarks_.add(global.syncd_id.place,
                         fmt::format("Piranha used the last eight bits of it, {}", used));
        put(table, "sync_id", node(used, global.syncd_id.place));
    }

    void command(Table& table, std::string_view key, const Given<std::string>& given) {
        if (!given.is_given()) return;
        List words;
        for (auto& word : lvs_cf::words_of(given.value))
            words.push_back(node(std::move(word), given.place));
        if (!words.empty()) put(table, key, node(std::move(words), given.place));
    }

    void virtual_server(const Virtual& service) {
        const auto& name = service.name;
        if (is_none(service.address.value.host)) {
            if (service.active.value) {
                errors_.add(name.place,
                            fmt::format("virtual server {} is active and has no address",
                                        in_quotes(name.value)),
                            "write address = ADDRESS DEVICE");
            } else {
                remarks_.add(name.place,
                             fmt::format("virtual server {} has no address and is not active: left "
                                         "out",
                                         in_quotes(name.value)));
            }
            return;
        }
        const auto address = placed_address(service.address, service.vip_nmask, "vip_nmask");
        if (!address) return;
        mark(service);
        if (const auto united = first_of_mark(service)) {
            unite(service, *united);
            return;
        }
        auto table = settings(service, *address);
        first_of_mark_.try_emplace(unity_of(service), files_.size());
        files_.push_back(&service);
        names_.emplace_back();
        auto& addresses = addresses_.emplace_back();
        List servers;
        for (const auto& server : service.servers) {
            real_server(service, server, servers, names_.back());
            if (server.address.value.address) addresses.insert(*server.address.value.address);
        }
        if (!servers.empty()) put(table, "real_server", node(std::move(servers), name.place));
        services_.push_back(node(std::move(table), name.place));
    }

    /// What was given to the firewall by hand: Shoal sets marks itself.
    void mark(const Virtual& service) {
        if (service.fwmark.value <= 0 || stands_back(service)) return;
        const auto address = service.address.value.host.address->to_string();
        const auto ports = service.port.value.number;
        const MarkKey key{service.fwmark.value, address, service.protocol.value};
        const auto place = service.fwmark.place;
        auto& rules = marks_[service.fwmark.value];
        if (rules.empty()) mark_order_.push_back(service.fwmark.value);
        auto [entry, added] = rules_.try_emplace(key, MarkRule{rules.size(), {}});
        const bool new_port = entry->second.ports.insert(ports).second;
        if (!added) {
            auto& table = std::get<Table>(rules[entry->second.index].value);
            if (new_port)
                std::get<List>(table.find("ports")->node.value).push_back(node(ports, place));
            return;
        }
        Table rule;
        put(rule, "value", node(service.fwmark.value, place));
        put(rule, "address", node(address, place));
        put(rule, "protocol", node(service.protocol.value, place));
        put(rule, "ports", node(List{node(ports, place)}, place));
        rules.push_back(node(std::move(rule), place));
        remarks_.add(place,
                     fmt::format("Shoal sets mark {0} itself, on packets to port {1}; if the "
                                 "firewall marked others too, add them to its [[mark]] (`shoal "
                                 "import iptables-save` reads such rules)",
                                 service.fwmark.value, ports));
    }

    /// It is not active, and an active one has its mark: that one's packets are not for it.
    bool stands_back(const Virtual& service) const {
        return !service.active.value && active_marks_.contains(service.fwmark.value);
    }

    /// The earlier one that has its mark and its address.
    std::optional<std::size_t> first_of_mark(const Virtual& service) const {
        const auto first = first_of_mark_.find(unity_of(service));
        if (service.fwmark.value <= 0 || first == first_of_mark_.end()) return std::nullopt;
        return first->second;
    }

    /// Under IPVS they were one virtual server, of which lvsd knew only the first.
    void unite(const Virtual& service, std::size_t first) {
        const auto& other = *files_[first];
        remarks_.add(service.name.place,
                     fmt::format("virtual servers {} and {} have mark {} and are one: its settings "
                                 "are those of the first, and it has the real servers of both",
                                 in_quotes(other.name.value), in_quotes(service.name.value),
                                 service.fwmark.value));
        auto& table = std::get<Table>(services_[first].value);
        if (table.find("real_server") == nullptr)
            put(table, "real_server", node(List{}, service.name.place));
        auto& servers = std::get<List>(table.find("real_server")->node.value);
        for (const auto& server : service.servers) {
            const auto& address = server.address.value.address;
            if (address && !addresses_[first].insert(*address).second) continue;
            real_server(service, server, servers, names_[first]);
        }
        if (servers.empty())
            std::erase_if(table.entries,
                          [](const Entry& entry) { return entry.key == "real_server"; });
    }

    Table settings(const Virtual& service, const std::string& address) {
        Table table;
        put(table, "name", node(unused_name(service.name, service_names_), service.name.place));
        put(table, "active", node(service.active.value, place_of(service, service.active)));
        put(table, "address", node(address, service.address.place));
        put(table, "device", node(service.address.value.device, service.address.place));
        put_given(table, "protocol", service.protocol);
        put(table, "port", node(service.port.value.number, place_of(service, service.port)));
        if (service.fwmark.value != 0)
            put(table, "firewall_mark", node(service.fwmark.value, service.fwmark.place));
        put(table, "scheduler",
            node(service.scheduler.value, place_of(service, service.scheduler)));
        persistence(table, service);
        if (service.quiesce_server.value) {
            put(table, "quiesce_server", node(true, service.quiesce_server.place));
            put(table, "on_failure", node(std::string("drain"), service.quiesce_server.place));
        }
        if (const auto& sorry = service.sorry_server; !is_none(sorry.value))
            put(table, "sorry_server", node(sorry.value.address->to_string(), sorry.place));
        put(table, "service_timeout",
            node(service.timeout.value, place_of(service, service.timeout)));
        put(table, "reentry_time", node(reentry(service), place_of(service, service.reentry)));
        load_monitor(table, service);
        if (auto monitor = lvs_cf::monitor_of(service, remarks_))
            put(table, "monitor", *std::move(monitor));
        return table;
    }

    template <class Value>
    static Position place_of(const Virtual& service, const Given<Value>& given) {
        return given.is_given() ? given.place : service.name.place;
    }

    void persistence(Table& table, const Virtual& service) {
        if (service.persistent.value == 0) {
            if (service.pmask.value.bits != 0)
                remarks_.add(service.pmask.place,
                             "pmask means nothing without persistent: left out");
            return;
        }
        put(table, "persistence", node(service.persistent.value, service.persistent.place));
        const auto& mask = service.pmask;
        constexpr auto all = std::numeric_limits<std::uint32_t>::max();
        if (mask.value.bits == 0 || mask.value.bits == all) return;
        if (const auto length = length_of(mask.value)) {
            put(table, "persistence_netmask", node(std::int64_t{*length}, mask.place));
        } else {
            remarks_.add(mask.place, "pmask has gaps: left out");
        }
    }

    /// nanny took 0 for not set.
    std::int64_t reentry(const Virtual& service) {
        const auto& given = service.reentry;
        constexpr std::int64_t of_nanny = 180;
        if (given.value != 0) return given.value;
        remarks_.add(given.place, "Piranha took 0 for its default, 180 seconds");
        return of_nanny;
    }

    void load_monitor(Table& table, const Virtual& service) {
        const auto& tool = service.load_monitor;
        if (!tool.is_given() || tool.value == "none" || tool.value.empty()) return;
        if (tool.value == "rup" || tool.value == "ruptime") {
            put(table, "load_monitor", node(tool.value, tool.place));
        } else {
            remarks_.add(
                tool.place,
                fmt::format("load_monitor {} has no counterpart: left out", in_quotes(tool.value)),
                "rup, ruptime, or a load_monitor of shoal.toml");
        }
    }

    void real_server(const Virtual& service, const lvs_cf::Server& server, List& list,
                     Names& names) {
        const auto& host = server.address.value;
        if (is_none(host) && !server.active.value) {
            remarks_.add(server.name.place,
                         fmt::format("server {} has no address and is not active: left out",
                                     in_quotes(server.name.value)));
            return;
        }
        if (!host.address) {
            errors_.add(server.address.is_given() ? server.address.place : server.name.place,
                        fmt::format("server {} has {}", in_quotes(server.name.value),
                                    is_none(host) ? "no address" : "a name instead of an address"),
                        "write its address: names are not looked up");
            return;
        }
        Table table;
        put(table, "name", node(unused_name(server.name, names), server.name.place));
        put(table, "address", node(host.address->to_string(), server.address.place));
        put(table, "active",
            node(server.active.value,
                 server.active.is_given() ? server.active.place : server.name.place));
        real_port(table, service, server);
        if (server.weight.is_given())
            put(table, "weight", node(weight(server), server.weight.place));
        list.push_back(node(std::move(table), server.name.place));
    }

    /// Only NAT leads to another port: with the other methods nanny checked it, and the packets
    /// kept theirs.
    void real_port(Table& table, const Virtual& service, const lvs_cf::Server& server) {
        const auto port = server.port.value;
        if (port == service.port.value.number || port == 0) return;
        const auto place = server.port.is_given() ? server.port.place : server.name.place;
        if (file_.global.network.value == "nat" && service.port.value.number != 0) {
            put(table, "port", node(port, place));
            return;
        }
        remarks_.add(place, fmt::format("packets keep their port here: {} is only checked", port));
        Table monitor;
        put(monitor, "port", node(port, place));
        put(table, "monitor", node(std::move(monitor), place));
    }

    std::int64_t weight(const lvs_cf::Server& server) {
        if (server.weight.value > 0) return server.weight.value;
        remarks_.add(server.weight.place, "Piranha's least weight was 1");
        return 1;
    }

    /// The name, or one with a number behind it where another has it.
    std::string unused_name(const Given<std::string>& name, Names& used) {
        const auto [entry, is_free] = used.try_emplace(name.value, 2);
        if (is_free) return name.value;
        // Of many equal ones not each looks for its number from the beginning.
        std::string free;
        do {
            free = fmt::format("{}-{}", name.value, entry->second++);
        } while (!used.try_emplace(free, 2).second);
        remarks_.add(name.place, fmt::format("the name {} is used already: this one is {}",
                                             in_quotes(name.value), in_quotes(free)));
        return free;
    }

    /// What virtual servers of one mark have in common: mark, whether active, address.
    using Unity = std::tuple<std::int64_t, bool, std::optional<net::Address>>;
    static Unity unity_of(const Virtual& service) {
        return {service.fwmark.value, service.active.value, service.address.value.host.address};
    }

    struct MarkKey {
        std::int64_t value;
        std::string address;
        std::string protocol;
        auto operator<=>(const MarkKey&) const = default;
    };
    /// Which of the mark's rules it is, and the ports that it has.
    struct MarkRule {
        std::size_t index;
        std::set<std::int64_t> ports;
    };

    const File& file_;
    ProblemList& errors_;
    ProblemList& remarks_;
    Table document_;
    List services_;
    /// The rules of each mark, and the marks in the order of the file.
    std::map<std::int64_t, List> marks_;
    std::vector<std::int64_t> mark_order_;
    /// Beside `services_`: what it was made of, and the names and addresses of its real servers.
    std::vector<const Virtual*> files_;
    std::vector<Names> names_;
    std::vector<std::set<net::Address>> addresses_;
    Names service_names_;
    /// Places in `services_`.
    std::map<Unity, std::size_t> first_of_mark_;
    std::set<std::int64_t> active_marks_;
    std::map<MarkKey, MarkRule> rules_;
};

}  // namespace

Imported import_lvs_cf(std::string_view text) {
    if (text.size() > max_file_size)
        return std::unexpected(std::vector{Problem{0, 0, "the file is too long", ""}});
    ProblemList errors;
    ProblemList remarks;
    const auto file = lvs_cf::read_file(without_byte_order_mark(text), errors, remarks);
    if (!errors.empty()) return std::unexpected(errors.take());
    auto document = Importer(file, errors, remarks).document();
    auto configuration = read_model(document, errors);
    validate(configuration, document, {}, errors);
    if (!errors.empty()) return std::unexpected(errors.take());
    return Import{std::move(configuration), remarks.take()};
}

}  // namespace shoal::config
