#include "config/keepalived/services.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include "config/keepalived/service.h"
#include "config/keepalived/values.h"
#include "model/choices.h"
#include "model/text.h"

namespace shoal::config::keepalived {

namespace {

using model::ForwardingMethod;
using model::in_quotes;
using model::MonitorType;

std::string endpoint_name(const net::Address& address, std::uint16_t port) {
    if (port == 0) return address.to_string();
    return fmt::format(fmt::runtime(address.is_v6() ? "[{}]:{}" : "{}:{}"), address.to_string(),
                       port);
}

/// Where a service of that kind usually is.
std::uint16_t usual_port(MonitorType type) {
    switch (type) {
        case MonitorType::https:
            return 443;
        case MonitorType::smtp:
            return 25;
        case MonitorType::dns:
            return 53;
        default:
            return 80;
    }
}

/// A virtual server of what a block says, for one address or mark.
class Builder {
  public:
    Builder(const Service& service, Context& context)
        : service_(service), context_(context), value_(service.value) {
        for (const auto& other : context.configuration.virtual_servers)
            servers_before_ += other.real_servers.size() + 1;
    }

    /// `port`: 0 for every one.
    void at(const net::Address& address, std::uint16_t port, const Place& place) {
        value_.port = port;
        put_on_device(address, place);
        name_ = endpoint_name(address, port);
        if (value_.protocol == model::Protocol::udp) name_ += "-udp";
        if (port == 0 && !value_.persistence) {
            context_.remarks.add(place,
                                 "every port needs persistence: it is 6 minutes, as in "
                                 "keepalived");
            value_.persistence = std::chrono::minutes(6);
        }
    }

    void of_mark(std::uint32_t mark, const net::Address& address, const Place& place) {
        value_.firewall_mark = mark;
        value_.port = std::uint16_t{0};
        put_on_device(address, place);
        name_ = fmt::format("fwmark-{}{}", mark, address.is_v6() ? "-v6" : "");
    }

    void deactivate() { value_.active = false; }

    /// Its name in the configuration.
    std::string finish(std::set<std::string, std::less<>>& names) {
        for (const auto& server : service_.servers)
            add(server);
        sorry_server();
        check_port();
        value_.name = unique_name(service_.name.empty() ? name_ : service_.name, names);
        context_.service_places.push_back(service_.place);
        context_.server_places.push_back(std::move(places_));
        context_.configuration.virtual_servers.push_back(value_);
        return value_.name;
    }

  private:
    void put_on_device(const net::Address& address, const Place& place) {
        const auto known = std::ranges::find(
            context_.addresses, address, [](const auto& entry) { return entry.address.address; });
        if (known != context_.addresses.end()) {
            value_.address = known->address;
            value_.device = known->device;
            return;
        }
        const auto device = context_.default_device.value_or("eth0");
        value_.address = {address, address.bit_length()};
        value_.device = {device, device};
        context_.addresses.push_back({value_.address, value_.device});
        context_.remarks.add(
            place,
            fmt::format("{} is in no vrrp_instance: it is put on {}", address.to_string(), device),
            "correct device, and the length of the network in address");
    }

    bool is_translated(std::optional<ForwardingMethod> own) const {
        return own.value_or(value_.network_type.value_or(ForwardingMethod::nat)) ==
               ForwardingMethod::nat;
    }

    /// The port to write for packets to go to `port`; unset: they keep theirs.
    std::optional<std::uint16_t> target_port(std::uint16_t port,
                                             std::optional<ForwardingMethod> method,
                                             const Place& place) {
        if (port == 0 || value_.port == model::PortRange(port)) return std::nullopt;
        const bool one = value_.firewall_mark || value_.port.is_single();
        if (one && is_translated(method)) return port;
        context_.remarks.add(place, fmt::format("packets keep their port here: {} is left out{}",
                                                port, one ? ", only NAT changes it" : ""));
        return std::nullopt;
    }

    /// The sorry server may come too.
    bool is_full() const {
        const auto most = model::most_real_servers(value_.scheduler) - 1;
        return value_.real_servers.size() >= most ||
               servers_before_ + value_.real_servers.size() + 1 >= model::max_real_servers;
    }

    void add(const Server& server) {
        if (is_full()) {
            context_.remarks.add(server.place, "too many real servers, this one is left out");
            return;
        }
        auto value = server.value;
        value.port = target_port(server.port, value.network_type, server.place);
        if (!endpoints_.emplace(value.address, value.port.value_or(0)).second) {
            context_.remarks.add(server.place, fmt::format("{} is there already, left out",
                                                           value.address.to_string()));
            return;
        }
        if (server.port != 0 && !value.port && !value.monitor.port &&
            value_.port != model::PortRange(server.port))
            value.monitor.port = server.port;
        value.name = unique_name(
            value.name.empty() ? endpoint_name(value.address, value.port.value_or(0)) : value.name,
            server_names_);
        places_.push_back(server.place);
        value_.real_servers.push_back(std::move(value));
    }

    void sorry_server() {
        auto& sorry = value_.sorry_server;
        if (!sorry) return;
        sorry->port =
            target_port(service_.sorry_port.value_or(0), sorry->network_type, service_.place);
        if (sorry->port && sorry->address.is_loopback()) {
            context_.remarks.add(service_.place,
                                 fmt::format("packets to the director itself stay as they came: "
                                             "port {} of the sorry server is left out",
                                             *sorry->port),
                                 "let the service listen on the virtual server's port");
            sorry->port.reset();
        }
        if (!endpoints_.contains({sorry->address, sorry->port.value_or(0)})) return;
        context_.remarks.add(service_.place, "the sorry server is also a real server, left out");
        sorry.reset();
    }

    /// Every check knows its port.
    void check_port() {
        if (!is_checked(value_.monitor) || value_.monitor.port) return;
        const bool known =
            !value_.port.is_any() ||
            std::ranges::all_of(value_.real_servers, [](const model::RealServer& server) {
                return server.port || server.monitor.port;
            });
        if (known) return;
        value_.monitor.port = usual_port(value_.monitor.type);
        context_.remarks.add(service_.place,
                             fmt::format("it is not said which port is checked: {} is assumed",
                                         *value_.monitor.port),
                             "correct port in [virtual_server.monitor]");
    }

    const Service& service_;
    Context& context_;
    model::VirtualServer value_;
    std::string name_;
    /// Of the other virtual servers, with a sorry server each.
    std::size_t servers_before_ = 0;
    std::set<std::pair<net::Address, std::uint16_t>> endpoints_;
    std::set<std::string, std::less<>> server_names_;
    std::vector<Place> places_;
};

class ServiceImport {
  public:
    explicit ServiceImport(Context& context) : context_(context) {}

    void run(const std::vector<Statement>& tree) {
        for (const auto& statement : tree) {
            if (statement.keyword == "virtual_server") block(statement);
        }
        // Behind those with ports, so that it is known which ports are free.
        for (const auto& marked : marked_)
            add_mark(marked);
        notifications();
    }

  private:
    struct Marked {
        Service service;
        GroupMember member;
    };
    /// For the scripts of a block, however many virtual servers came of it.
    struct Told {
        Service service;
        std::vector<std::string> names;
    };

    void block(const Statement& statement) {
        if (is_full(statement)) return;
        const auto members = targets(statement);
        if (members.empty()) return;
        auto service = read_service(statement, context_);
        if (!service) return;
        if (!service->has_protocol && !members.front().mark) {
            context_.remarks.add(statement.place, "no protocol is set: it is UDP, as in keepalived",
                                 "set protocol TCP if that is meant");
        }
        Told told{*service, {}};
        for (const auto& member : members) {
            if (is_full(statement)) break;
            if (member.mark) {
                marked_.push_back({*service, member});
            } else {
                Builder builder(*service, context_);
                builder.at(member.address, member.port, member.place);
                told.names.push_back(builder.finish(names_));
                claimed_.emplace(member.address, service->value.protocol, member.port);
            }
        }
        told_.push_back(std::move(told));
    }

    bool is_full(const Statement& statement) {
        const auto count = context_.configuration.virtual_servers.size() + marked_.size();
        if (count < model::max_virtual_servers) return false;
        context_.remarks.add(statement.place, "too many virtual servers, this one is left out",
                             fmt::format("at most {}", model::max_virtual_servers));
        return true;
    }

    /// The addresses and marks of a block; none, with a remark, where it is for nothing known.
    std::vector<GroupMember> targets(const Statement& statement) {
        const auto& words = statement.arguments;
        const std::string_view kind = words.empty() ? "" : std::string_view(words.front());
        const auto refuse = [&](std::string_view why) {
            context_.remarks.add(
                statement.place,
                fmt::format("virtual_server {}: {}, left out",
                            in_quotes(fmt::format("{}", fmt::join(words, " "))), why),
                "write an address and a port, fwmark N, or group NAME");
            return std::vector<GroupMember>();
        };
        if (kind == "group") {
            const auto group =
                words.size() < 2 ? context_.groups.end() : context_.groups.find(words[1]);
            if (group == context_.groups.end()) return refuse("there is no such group");
            if (group->second.empty()) return refuse("the group is empty");
            return group->second;
        }
        if (kind == "fwmark") {
            const auto mark = words.size() < 2
                                  ? std::nullopt
                                  : number_of(words[1], std::numeric_limits<std::uint32_t>::max());
            if (mark.value_or(0) == 0) return refuse("that is no mark");
            return {{statement.place, {}, 0, static_cast<std::uint32_t>(*mark), {}}};
        }
        const auto address = net::Address::parse(kind);
        const auto port =
            words.size() < 2 ? std::optional<std::uint64_t>(0) : number_of(words[1], 65'535);
        if (!address) return refuse("that is no address");
        if (!port) return refuse("that is no port");
        return {{statement.place, *address, static_cast<std::uint16_t>(*port), {}, {}}};
    }

    /// keepalived leaves it to a firewall which packets have a mark: what is assumed is said.
    void add_mark(const Marked& marked) {
        const auto& member = marked.member;
        auto service = marked.service;
        // keepalived has no protocol for marks.
        if (!service.has_protocol) {
            service.value.protocol = service.value.monitor.type == MonitorType::dns
                                         ? model::Protocol::udp
                                         : model::Protocol::tcp;
        }
        const bool v6 = member.v6.value_or(!service.servers.empty() &&
                                           service.servers.front().value.address.is_v6());
        const auto port = common_port(service);
        const auto known = std::ranges::find_if(context_.addresses, [&](const auto& entry) {
            const auto& address = entry.address.address;
            return port != 0 && address.is_v6() == v6 &&
                   !claimed_.contains({address, service.value.protocol, port}) &&
                   !claimed_.contains({address, service.value.protocol, 0});
        });
        const bool found = known != context_.addresses.end();
        const auto address = found ? known->address.address : placeholder(v6);
        Builder builder(service, context_);
        builder.of_mark(*member.mark, address, member.place);
        if (!found) builder.deactivate();
        const auto name = builder.finish(names_);
        context_.configuration.marks.push_back(
            {*member.mark, address, service.value.protocol, {found ? port : std::uint16_t{0}}});
        context_.mark_places.push_back(member.place);
        claimed_.emplace(address, service.value.protocol, found ? port : 0);
        remark_on_mark(member, address, found ? port : 0);
        for (auto& told : told_) {
            if (told.service.place == service.place) told.names.push_back(name);
        }
    }

    void remark_on_mark(const GroupMember& member, const net::Address& address,
                        std::uint16_t port) {
        const auto assumed = port != 0
                                 ? fmt::format("{} is assumed", endpoint_name(address, port))
                                 : fmt::format("{} stands in for the address, and active is false",
                                               address.to_string());
        context_.remarks.add(
            member.place,
            fmt::format("which packets have mark {} is not said here: {}", *member.mark, assumed),
            "correct the [[mark]]; the firewall's rules say it");
    }

    /// Where all real servers take the packets; 0: there is no such port.
    static std::uint16_t common_port(const Service& service) {
        if (service.servers.empty()) return 0;
        const auto port = service.servers.front().port;
        const bool all = std::ranges::all_of(
            service.servers, [&](const Server& server) { return server.port == port; });
        return all ? port : 0;
    }

    /// Of the networks for examples (RFC 5737, RFC 3849), each once.
    net::Address placeholder(bool v6) {
        ++placeholders_;
        const auto text = v6 ? fmt::format("2001:db8::ffff:{:x}", placeholders_)
                             : fmt::format("198.51.100.{}", placeholders_ % 256);
        return *net::Address::parse(text);
    }

    void notifications() {
        for (const auto& told : told_) {
            const auto& service = told.service;
            if (told.names.empty()) continue;
            tell(told, service.quorum_up, model::EventKind::quorum_regained, "quorum-up");
            tell(told, service.quorum_down, model::EventKind::quorum_lost, "quorum-down");
            tell_of_servers(told, &Server::up, model::EventKind::real_server_up, "up");
            tell_of_servers(told, &Server::down, model::EventKind::real_server_down, "down");
            if (service.mails.value_or(false))
                context_.told_by_mail.insert(context_.told_by_mail.end(), told.names.begin(),
                                             told.names.end());
        }
    }

    /// A command can be for all real servers of a virtual server, not for one of them.
    void tell_of_servers(const Told& told, std::optional<Script> Server::* script,
                         model::EventKind event, std::string_view what) {
        std::vector<const Script*> scripts;
        for (const auto& server : told.service.servers) {
            if (server.*script) scripts.push_back(&*(server.*script));
        }
        if (scripts.empty()) return;
        const auto& first = *scripts.front();
        tell(told, first, event, what);
        for (const auto* other : scripts) {
            if (other->command != first.command) {
                context_.remarks.add(other->place,
                                     "one command for all real servers of a virtual server: this "
                                     "one is left out",
                                     "SHOAL_REAL_SERVER tells a command which one it is");
            }
        }
        if (scripts.size() < told.service.servers.size() && scripts.size() > 0)
            context_.remarks.add(first.place,
                                 "this command runs for all real servers of its "
                                 "virtual server");
    }

    void tell(const Told& told, const std::optional<Script>& script, model::EventKind event,
              std::string_view what) {
        if (!script) return;
        model::Notification notification;
        notification.name =
            unique_name(fmt::format("{}-{}", told.names.front(), what), notification_names_);
        notification.events = {event};
        notification.virtual_servers = told.names;
        notification.command = script->command;
        context_.configuration.notifications.push_back(std::move(notification));
        context_.notification_places.push_back(script->place);
    }

    Context& context_;
    std::set<std::string, std::less<>> names_;
    std::set<std::string, std::less<>> notification_names_;
    std::set<std::tuple<net::Address, model::Protocol, std::uint16_t>> claimed_;
    std::vector<Marked> marked_;
    std::vector<Told> told_;
    unsigned placeholders_ = 0;
};

}  // namespace

void read_services(const std::vector<Statement>& tree, Context& context) {
    ServiceImport(context).run(tree);
}

}  // namespace shoal::config::keepalived
