#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "config/validators.h"
#include "model/settings.h"
#include "model/text.h"

namespace shoal::config {

namespace {

/// The settings that are those of the united virtual server. The others are about the address or
/// the checks, and each virtual server keeps its own.
constexpr std::array<std::string_view, 17> united_settings{"scheduler",
                                                           "scheduler_flags",
                                                           "mh_table_size",
                                                           "persistence",
                                                           "persistence_netmask",
                                                           "keep_quiesced_clients",
                                                           "one_packet",
                                                           "quiesce_server",
                                                           "on_failure",
                                                           "removed_connections",
                                                           "sorry_server",
                                                           "quorum",
                                                           "quorum_hysteresis",
                                                           "slow_start",
                                                           "load_monitor",
                                                           "allow",
                                                           "deny"};
constexpr std::array<std::string_view, 4> united_server_settings{
    "weight", "active", "upper_threshold", "lower_threshold"};

template <class Value>
bool same(const Value& a, const Value& b) {
    return a == b;
}
/// The order of a list means nothing.
template <class Value>
    requires std::totally_ordered<Value>
bool same(std::vector<Value> a, std::vector<Value> b) {
    std::ranges::sort(a);
    std::ranges::sort(b);
    return a == b;
}

/// The keys among `wanted` whose values differ, leaving out what was refused in either.
template <class Owner>
std::vector<std::string_view> differences(const Part<Owner>& a, const Part<Owner>& b,
                                          std::span<const std::string_view> wanted) {
    std::vector<std::string_view> keys;
    model::for_each_setting<Owner>([&](const auto& row) {
        const auto key = row.description.key;
        if (std::ranges::find(wanted, key) == wanted.end() || !a.place(key) || !b.place(key))
            return;
        if (!same(a.value.*row.member, b.value.*row.member)) keys.push_back(key);
    });
    return keys;
}

class MarkValidator {
  public:
    MarkValidator(const Examination& examination, const std::vector<ServicePart>& services,
                  const std::vector<RulePart>& rules)
        : configuration_(examination.configuration),
          document_(examination.document),
          problems_(examination.problems),
          services_(services),
          rules_(rules) {}

    void run() {
        every_mark_is_set();
        every_rule_is_used();
        every_address_is_virtual();
        std::map<MarkOfFamily, std::vector<const ServicePart*>> groups;
        for (const auto& service : services_) {
            const bool counts = service.given("firewall_mark") && service.place("active");
            if (counts && service.value.active) groups[mark_of(service)].push_back(&service);
        }
        for (const auto& [mark, group] : groups)
            unite(mark.first, group);
    }

  private:
    /// The second one: of IPv6. A mark of each is a virtual server of its own.
    using MarkOfFamily = std::pair<std::uint32_t, bool>;

    static MarkOfFamily mark_of(const ServicePart& service) {
        return {*service.value.firewall_mark, service.value.address.address.is_v6()};
    }

    void every_mark_is_set() {
        if (!is_known(document_, "mark", "value", Presence::required)) return;
        for (const auto& service : services_) {
            const auto place = service.given("firewall_mark");
            if (!place || !service.given("address") || sets_mark(configuration_, service.value))
                continue;
            const auto mark = *service.value.firewall_mark;
            problems_.add(
                *place, fmt::format("{}: no [[mark]] sets mark {}", title_of(service.value), mark),
                fmt::format("write a [[mark]] with value = {}, address = \"{}\" and its ports",
                            mark, service.value.address.address.to_string()));
        }
    }

    void every_rule_is_used() {
        if (!is_known(document_, "virtual_server", "firewall_mark", Presence::optional)) return;
        if (!is_known(document_, "virtual_server", "address", Presence::required)) return;
        std::set<MarkOfFamily> used;
        for (const auto& service : services_) {
            if (service.value.firewall_mark) used.insert(mark_of(service));
        }
        for (const auto& rule : rules_) {
            const auto place = rule.given("value");
            const auto& [value, v6] = MarkOfFamily{rule.value.value, rule.value.address.is_v6()};
            if (!place || !rule.given("address") || used.contains({value, v6})) continue;
            const bool other = used.contains({value, !v6});
            problems_.add(*place,
                          fmt::format("no virtual server{} has firewall_mark = {}",
                                      !other ? ""
                                      : v6   ? " of IPv6"
                                             : " of IPv4",
                                      value),
                          "set it in a virtual server, or remove the [[mark]]");
        }
    }

    void every_address_is_virtual() {
        if (!is_known(document_, "virtual_server", "address", Presence::required)) return;
        std::set<net::Address> addresses;
        std::vector<std::string> known;
        for (const auto& service : configuration_.virtual_servers) {
            if (addresses.insert(service.address.address).second)
                known.push_back(service.address.address.to_string());
        }
        for (const auto& rule : rules_) {
            const auto place = rule.given("address");
            if (!place || addresses.contains(rule.value.address)) continue;
            problems_.add(*place,
                          fmt::format("{} is the address of no virtual server",
                                      rule.value.address.to_string()),
                          fmt::format("known: {}", fmt::join(known, ", ")));
        }
    }

    void unite(std::uint32_t mark, const std::vector<const ServicePart*>& group) {
        const auto& first = *group.front();
        for (const auto* other : std::span(group).subspan(1)) {
            for (const auto key : differences(first, *other, united_settings))
                differs(mark, first, *other, key);
        }
        std::map<net::Address, Member> members;
        std::set<ServerEndpoint> pool;
        for (const auto* service : group) {
            for (const auto& server : servers_of(*service)) {
                if (!server.given("address")) continue;
                const auto [known, added] =
                    members.try_emplace(server.value.address, Member{service, server});
                if (!added && known->second.service != service)
                    unite_server(mark, known->second, {service, server});
                pool.insert(endpoint_of(service->value, server.value));
            }
        }
        pool_fits(mark, *group.back(), pool.size());
        for (const auto* service : group)
            sorry_is_another(mark, *service, group);
    }

    /// That it is none of its own virtual server's is looked at elsewhere.
    void sorry_is_another(std::uint32_t mark, const ServicePart& service,
                          const std::vector<const ServicePart*>& group) {
        const auto place = service.given("sorry_server");
        if (!place) return;
        const auto sorry = sorry_endpoint(service.value, *service.value.sorry_server);
        const auto is_sorry = [&](const auto& server) {
            return endpoint_of(service.value, server) == sorry;
        };
        if (std::ranges::any_of(service.value.real_servers, is_sorry)) return;
        for (const auto* other : group) {
            if (other == &service) continue;
            for (const auto& server : servers_of(*other)) {
                if (!server.given("address") || !server.place("port") ||
                    endpoint_of(other->value, server.value) != sorry) {
                    continue;
                }
                problems_.add(
                    *place,
                    fmt::format("{}: the sorry server {} is also real server {} of {}, "
                                "and both have mark {}",
                                title_of(service.value), sorry.first.to_string(),
                                model::in_quotes(server.value.name), title_of(other->value), mark),
                    "write another machine, or another port of it");
            }
        }
    }

    struct Member {
        const ServicePart* service;
        ServerPart server;
    };

    void unite_server(std::uint32_t mark, const Member& first, const Member& other) {
        for (const auto key : differences(first.server, other.server, united_server_settings))
            server_differs(mark, first, other, key);
        const auto& a = first.server.value;
        const auto& b = other.server.value;
        if (a.port != b.port && first.server.place("port") && other.server.place("port") &&
            !has_endpoint(*first.service, b)) {
            server_differs(mark, first, other, "port");
        }
        if (first.server.place("network_type") && other.server.place("network_type") &&
            forwarding_method(configuration_, first.service->value, a) !=
                forwarding_method(configuration_, other.service->value, b)) {
            server_differs(mark, first, other, "network_type");
        } else {
            unite_tunnel(mark, first, other);
        }
    }

    void unite_tunnel(std::uint32_t mark, const Member& first, const Member& other) {
        const auto tunnel = [&](const Member& member) {
            const auto& service = member.service->value;
            const auto& server = member.server.value;
            return tunnel_of(forwarding_method(configuration_, service, server), service, server);
        };
        for (const auto key : {"tunnel_type", "tunnel_port"}) {
            if (!first.server.place(key) || !other.server.place(key)) return;
        }
        if (tunnel(first).type != tunnel(other).type) {
            server_differs(mark, first, other, "tunnel_type");
        } else if (tunnel(first).port != tunnel(other).port) {
            server_differs(mark, first, other, "tunnel_port");
        }
    }

    static bool has_endpoint(const ServicePart& service, const model::RealServer& server) {
        return std::ranges::any_of(service.value.real_servers, [&](const auto& known) {
            return known.address == server.address && known.port == server.port;
        });
    }

    void differs(std::uint32_t mark, const ServicePart& first, const ServicePart& other,
                 std::string_view key) {
        problems_.add(*other.place(key),
                      fmt::format("{} has another {} than {}, and both have mark {}",
                                  title_of(other.value), key, title_of(first.value), mark),
                      advice(first.place(key)));
    }

    void server_differs(std::uint32_t mark, const Member& first, const Member& other,
                        std::string_view key) {
        problems_.add(
            *other.server.place(key),
            fmt::format("{} has another {} in {} than in {}, and both have mark {}",
                        other.server.value.address.to_string(), key, title_of(other.service->value),
                        title_of(first.service->value), mark),
            advice(first.server.place(key)));
    }

    static std::string advice(std::optional<Position> first) {
        const auto where = !first || first->line == 0
                               ? std::string()
                               : fmt::format("; the other one is in line {}", first->line);
        return "virtual servers of one mark are one: write the same in both" + where;
    }

    /// Each virtual server alone is looked at elsewhere.
    void pool_fits(std::uint32_t mark, const ServicePart& last, std::size_t count) {
        const auto most = model::most_real_servers(last.value.scheduler);
        if (pool_size_of(last.value, count) <= most || last.value.real_servers.size() == count)
            return;
        problems_.add(last.position,
                      fmt::format("the virtual servers of mark {} have {}", mark,
                                  pool_text(last.value, count)),
                      fmt::format("at most {} with scheduler = \"{}\"", most,
                                  model::name_of(last.value.scheduler)));
    }

    const model::Configuration& configuration_;
    const Table& document_;
    ProblemList& problems_;
    const std::vector<ServicePart>& services_;
    const std::vector<RulePart>& rules_;
};

}  // namespace

void validate_marks(const Examination& examination, const std::vector<ServicePart>& services,
                    const std::vector<RulePart>& rules) {
    MarkValidator(examination, services, rules).run();
}

}  // namespace shoal::config
