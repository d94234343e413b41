#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "config/validators.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::in_quotes;
using model::milliseconds;
using model::VrrpInstance;
using InstancePart = Part<VrrpInstance>;

/// RFC 9568, 5.2.7: 12 bits of hundredths of a second.
constexpr milliseconds longest_interval{40'950};
constexpr milliseconds interval_step{10};
/// RFC 9568, 5.2.5: a byte.
constexpr std::size_t most_addresses = 255;
constexpr std::uint16_t owner_priority = 255;

std::string_view family_of(const net::Address& address) {
    return address.is_v6() ? "IPv6" : "IPv4";
}

bool is_multiple(milliseconds value, milliseconds of) {
    return value.count() % of.count() == 0;
}

class RedundancyValidator {
  public:
    explicit RedundancyValidator(const Examination& examination)
        : problems_(examination.problems),
          document_(examination.document),
          redundancy_(examination.configuration.redundancy) {}

    void pair() {
        const auto* entry = document_.find("redundancy");
        const auto* table = entry == nullptr ? nullptr : std::get_if<Table>(&entry->node.value);
        if (table == nullptr) return;
        const Part<model::Redundancy> part{*table, entry->node.position, redundancy_};
        two_directors(part, {"primary", redundancy_.primary}, {"backup", redundancy_.backup});
        two_directors(part, {"primary_private", redundancy_.primary_private},
                      {"backup_private", redundancy_.backup_private});
        if (const auto place = part.given("interval");
            place && !is_multiple(redundancy_.interval, interval_step)) {
            problems_.add(*place, "the heartbeat interval is not a whole number of 10 ms",
                          "for instance \"100ms\"");
        }
        program(part, "activation_command", redundancy_.activation_command);
        program(part, "deactivation_command", redundancy_.deactivation_command);
    }

    void examine(const InstancePart& part) {
        unique_name(part);
        intervals(part);
        preemption(part);
        owner(part);
        addresses(part);
        peers(part);
        program(part, "notify_command", part.value.notify_command);
        tracked(part);
        if (const auto place = part.given("group")) groups_[*part.value.group].push_back(*place);
        has_refused_group_ = has_refused_group_ || !part.place("group");
    }

    void groups_have_members() {
        if (has_refused_group_) return;
        for (const auto& [name, places] : groups_) {
            if (places.size() > 1) continue;
            problems_.add(places.front(),
                          fmt::format("no other VRRP instance is of the group {}", in_quotes(name)),
                          "write the same group in another one, or remove it");
        }
    }

  private:
    using NamedAddress = std::pair<std::string_view, const std::optional<net::Address>&>;

    void add(Position place, const InstancePart& part, std::string_view message,
             std::string advice) {
        problems_.add(place,
                      fmt::format("VRRP instance {}: {}", in_quotes(part.value.name), message),
                      std::move(advice));
    }

    void two_directors(const Part<model::Redundancy>& part, NamedAddress primary,
                       NamedAddress backup) {
        const auto place = part.given(backup.first);
        if (!place || !part.given(primary.first)) return;
        if (*primary.second == *backup.second) {
            problems_.add(
                *place, fmt::format("{} and {} have the same address", primary.first, backup.first),
                "write the other director's address");
        } else if (primary.second->is_v6() != backup.second->is_v6()) {
            problems_.add(
                *place,
                fmt::format("{} is {}, {} is {}", primary.first, family_of(*primary.second),
                            backup.first, family_of(*backup.second)),
                "write addresses of one family");
        }
    }

    template <class Owner>
    void program(const Part<Owner>& part, std::string_view key,
                 const std::vector<std::string>& words) {
        const auto place = part.given(key);
        if (!place || words.empty() || words.front().starts_with('/')) return;
        problems_.add(*place,
                      fmt::format("{}: {} is no absolute path", key, in_quotes(words.front())),
                      "begin it with /, and write each argument as a text of its own");
    }

    void unique_name(const InstancePart& part) {
        const auto place = part.given("name");
        if (!place) return;
        const auto [first, added] = names_.try_emplace(part.value.name, *place);
        if (added) return;
        problems_.add(
            *place, fmt::format("two VRRP instances have the name {}", in_quotes(part.value.name)),
            seen_in(first->second));
    }

    void intervals(const InstancePart& part) {
        const auto place = part.place("interval");
        if (!place || !part.place("version")) return;
        const auto interval = part.value.interval;
        if (part.value.version == 2) {
            if (is_multiple(interval, std::chrono::seconds{1})) return;
            add(*place, part, "the interval of version 2 is not a whole number of seconds",
                "write whole seconds, or version = 3");
        } else if (interval > longest_interval) {
            add(*place, part,
                fmt::format("the interval of version 3 is at most {}",
                            model::format_duration(longest_interval)),
                "write a shorter one, or version = 2");
        } else if (!is_multiple(interval, interval_step)) {
            add(*place, part, "the interval is not a whole number of 10 ms",
                "for instance \"100ms\"");
        }
    }

    void preemption(const InstancePart& part) {
        const auto place = part.given("preempt_delay");
        const bool never = part.place("preempt") && !part.value.preempt;
        if (!place || !never || part.value.preempt_delay.count() == 0) return;
        add(*place, part, "preempt_delay is set, and it does not preempt",
            "remove it, or set preempt = true");
    }

    /// RFC 9568, 6.1: the owner of the addresses always takes them.
    void owner(const InstancePart& part) {
        const auto& value = part.value;
        if (!part.given("priority") || value.priority != owner_priority) return;
        const auto refuse = [&](std::string_view key, std::string_view what) {
            if (const auto place = part.given(key))
                add(*place, part,
                    fmt::format("priority 255 means that the addresses are this "
                                "director's own, which {}",
                                what),
                    "write a lower priority, or remove this");
        };
        if (!value.preempt) refuse("preempt", "always preempts");
        if (value.preempt_delay.count() > 0) refuse("preempt_delay", "preempts at once");
        if (!value.accept) refuse("accept", "accepts packets to them");
    }

    void addresses(const InstancePart& part) {
        const auto& value = part.value;
        if (const auto place = part.given("addresses")) {
            if (value.addresses.size() > most_addresses)
                add(*place, part, fmt::format("{} addresses", value.addresses.size()),
                    "at most 255; write more as unadvertised_addresses");
            one_family(part);
            router(part);
            for (std::size_t i = 0; i < value.addresses.size(); ++i)
                once(part, part.item_place("addresses", i), value.addresses[i]);
        }
        if (!part.given("unadvertised_addresses")) return;
        for (std::size_t i = 0; i < value.unadvertised_addresses.size(); ++i)
            once(part, part.item_place("unadvertised_addresses", i),
                 value.unadvertised_addresses[i]);
    }

    void one_family(const InstancePart& part) {
        const auto& value = part.value;
        const auto& first = value.addresses.front().address.address;
        for (std::size_t i = 0; i < value.addresses.size(); ++i) {
            const auto& address = value.addresses[i].address.address;
            const auto place = part.item_place("addresses", i);
            if (address.is_v6() && part.place("version") && value.version == 2) {
                add(place, part, fmt::format("version 2 does not know {}", address.to_string()),
                    "write version = 3");
                return;
            }
            if (address.is_v6() == first.is_v6()) continue;
            add(place, part,
                fmt::format("{} is {}, {} is {}", address.to_string(), family_of(address),
                            first.to_string(), family_of(first)),
                "write it as an unadvertised address, or in another instance");
            return;
        }
    }

    void router(const InstancePart& part) {
        const auto& value = part.value;
        if (!part.given("device") || !part.given("router_id")) return;
        const bool v6 = value.addresses.front().address.address.is_v6();
        const auto [first, added] =
            routers_.try_emplace({value.device, value.router_id, v6}, *part.given("router_id"));
        if (added) return;
        add(*part.given("router_id"), part,
            fmt::format("another instance of {} on {} has the router_id {}", v6 ? "IPv6" : "IPv4",
                        value.device, value.router_id),
            seen_in(first->second));
    }

    void once(const InstancePart& part, Position place, const model::VrrpAddress& address) {
        const auto& value = address.address.address;
        const auto [first, added] = addresses_.try_emplace(value, place);
        if (added) return;
        add(place, part,
            fmt::format("{} is already an address of a VRRP instance", value.to_string()),
            seen_in(first->second));
    }

    void peers(const InstancePart& part) {
        const auto& value = part.value;
        if (!part.given("addresses")) return;
        const bool v6 = value.addresses.front().address.address.is_v6();
        const auto same_family = [&](Position place, const net::Address& address,
                                     std::string_view what) {
            if (address.is_v6() == v6) return;
            add(place, part,
                fmt::format("{} {} is {}, and its addresses are {}", what, address.to_string(),
                            family_of(address), v6 ? "IPv6" : "IPv4"),
                "write an address of the same family");
        };
        const auto source = part.given("source");
        if (source) same_family(*source, *value.source, "the source");
        if (!part.given("unicast_peers")) return;
        std::set<net::Address> seen;
        for (std::size_t i = 0; i < value.unicast_peers.size(); ++i) {
            const auto& peer = value.unicast_peers[i];
            const auto place = part.item_place("unicast_peers", i);
            same_family(place, peer, "the peer");
            if (!seen.insert(peer).second)
                add(place, part, fmt::format("the peer {} stands there twice", peer.to_string()),
                    "remove one");
            if (source && peer == *value.source)
                add(place, part, "its own source is no peer", "write the other director's address");
        }
    }

    void tracked(const InstancePart& part) {
        std::set<std::string_view> devices;
        const auto& value = part.value;
        for (std::size_t i = 0; part.given("track_devices") && i < value.track_devices.size();
             ++i) {
            const auto& device = value.track_devices[i];
            const auto place = part.item_place("track_devices", i);
            if (!devices.insert(device.name).second)
                add(place, part, fmt::format("{} is tracked twice", in_quotes(device.name)),
                    "remove one");
            weight(part, place, device.weight);
        }
        std::set<std::string_view> names;
        for (const auto& command : parts("track_command", part.table, value.track_commands)) {
            program(command, "command", command.value.command);
            if (const auto place = command.given("weight"))
                weight(part, *place, command.value.weight);
            const auto place = command.given("name");
            if (place && !names.insert(command.value.name).second)
                add(*place, part,
                    fmt::format("two tracked commands have the name {}",
                                in_quotes(command.value.name)),
                    "write another name");
        }
    }

    void weight(const InstancePart& part, Position place, std::int32_t weight) {
        if (weight == 0 || !part.given("priority") || part.value.priority != owner_priority) return;
        add(place, part, "nothing changes priority 255", "write a lower priority, or weight = 0");
    }

    ProblemList& problems_;
    const Table& document_;
    const model::Redundancy& redundancy_;
    std::map<std::string, Position> names_;
    std::map<std::tuple<std::string, std::uint16_t, bool>, Position> routers_;
    std::map<net::Address, Position> addresses_;
    std::map<std::string, std::vector<Position>> groups_;
    bool has_refused_group_ = false;
};

}  // namespace

void validate_redundancy(const Examination& examination) {
    RedundancyValidator validator(examination);
    validator.pair();
    for (const auto& part :
         parts("vrrp_instance", examination.document, examination.configuration.vrrp_instances))
        validator.examine(part);
    validator.groups_have_members();
}

}  // namespace shoal::config
