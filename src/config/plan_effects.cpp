#include "config/plan_effects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/setting_effects.h"
#include "model/table_memory.h"

namespace shoal::config {

namespace {

using model::Scheduler;

constexpr std::string_view inactive_words = "it is not active: nothing changes for clients";
/// Where the virtual server is another one for the data plane.
constexpr std::string_view successor_words = "holds for the new virtual server";

/// Sentences of one effect.
void append(std::string& text, const std::string& more) {
    if (more.empty()) return;
    if (!text.empty()) text += "; ";
    text += more;
}

std::string schema_words(const Difference& difference) {
    std::string words(difference.setting->effect);
    if (words.ends_with('.')) words.pop_back();
    return words;
}

Severity schema_severity(const Difference& difference) {
    const auto effect = difference.setting->effect;
    return effect == model::effect::new_connections || effect == model::effect::mark_ports
               ? Severity::new_connections
               : Severity::none;
}

std::string connections_text(std::uint64_t count) {
    return count == 1 ? "1 connection" : fmt::format("{} connections", count);
}

/// "all clients", "about 20 % of clients"
std::string part_text(double part, std::string_view whole) {
    if (part > 0.995) return fmt::format("all {}", whole);
    if (part < 0.01) return fmt::format("less than 1 % of {}", whole);
    return fmt::format("about {:.0f} % of {}", part * 100, whole);
}

bool goes_by_clients(Scheduler scheduler) {
    return scheduler == Scheduler::sh || scheduler == Scheduler::mh;
}

bool ignores_weights(Scheduler scheduler) {
    return scheduler == Scheduler::rr || scheduler == Scheduler::lc;
}

/// Where no number can be given.
std::string words_without_shares(Scheduler scheduler) {
    switch (scheduler) {
        case Scheduler::ovf:
            return "new connections go to the highest weight until it is full, then to the next: "
                   "how many move depends on the load";
        case Scheduler::dh:
            return "each virtual address has one real server, and may get another one";
        default:
            return "destinations keep their real servers as long as those are usable and not "
                   "overloaded; others may move";
    }
}

std::string share_words(const PlannedGroup& group) {
    const auto scheduler = group.after()->scheduler;
    const auto moved = group.moved();
    if (!moved) {
        const bool was_unknown = !group.shares_before().has_value();
        return words_without_shares(group.shares_after() && was_unknown ? group.before()->scheduler
                                                                        : scheduler);
    }
    constexpr double noticeable = 0.0005;
    if (*moved < noticeable) return "no new connection moves";
    const bool clients = goes_by_clients(scheduler) && goes_by_clients(group.before()->scheduler);
    return clients ? part_text(*moved, "clients") + " get another real server"
                   : part_text(*moved, "new connections") + " move";
}

/// Of clients that find no real server more than before.
std::string refusal_words(const PlannedGroup& group) {
    const auto& before = group.shares_before();
    const auto& after = group.shares_after();
    constexpr double noticeable = 0.0005;
    if (!before || !after || after->nobody < before->nobody + noticeable) return "";
    return part_text(after->nobody, "new connections") + " find no real server";
}

std::string persistence_words(const PlannedGroup& group) {
    std::uint64_t clients = 0;
    for (const auto& server : group.running().servers) {
        const auto place =
            std::ranges::find(group.after()->members, server.endpoint, &PoolMember::endpoint);
        if (place != group.after()->members.end() && place->weight > 0)
            clients += server.persistent_clients;
    }
    if (clients == 0) return "";
    return fmt::format("{} bound by persistence stay{} where {}",
                       clients == 1 ? "1 client" : fmt::format("{} clients", clients),
                       clients == 1 ? "s" : "", clients == 1 ? "it is" : "they are");
}

/// What becomes of new connections of a pool that stays.
std::string pool_words(const PlannedGroup& group) {
    if (group.before() == group.after()) return "no new connection moves";
    auto words = share_words(group);
    if (group.share_changes > 1) words = "together with the other changes of its pool, " + words;
    append(words, refusal_words(group));
    append(words, persistence_words(group));
    if (group.ended_connections() == 0) append(words, "established connections stay");
    return words;
}

void add_shares(Change& change, const PlannedGroup& group) {
    append(change.effect, pool_words(group));
    if (group.before() == group.after()) return;
    change.moved = group.moved();
    if (!change.moved || *change.moved > 0)
        change.severity = std::max(change.severity, Severity::new_connections);
}

void add_ends(Change& change, std::uint64_t connections, bool end, const std::string& whose) {
    const bool one = connections == 1;
    if (!end) {
        append(change.effect, fmt::format("{} go on until they end by themselves",
                                          whose + connections_text(connections)));
        return;
    }
    append(change.effect,
           fmt::format("{}{} end{}", whose, connections_text(connections), one ? "s" : ""));
    change.ended_connections += connections;
    change.severity = std::max(
        change.severity, connections > 0 ? Severity::ends_connections : Severity::new_connections);
}

/// "its 12 connections end"; nothing where the real server stays.
void add_departure(Change& change, const Subject& subject, const PlannedGroup& group) {
    if (!subject.server_before || !subject.server_before->active) return;
    const auto endpoint = endpoint_of(*subject.service_before, *subject.server_before);
    if (!group.leaves(endpoint)) return;
    add_ends(change, group.connections_of(endpoint), group.ends_connections(), "its ");
}

/// Settings by which the data plane knows a virtual server.
bool decides_on_service(std::string_view key) {
    return key == "active" || key == "address" || key == "port" || key == "protocol" ||
           key == "firewall_mark";
}

/// Of a virtual server that goes, or leaves others of its firewall mark behind.
void add_departures(Change& change, const Subject& subject, const PlannedGroup* before,
                    const PlannedGroup* after) {
    if (!before) return;
    if (before->goes()) return add_ends(change, before->ended_connections(), true, "its ");
    if (before == after) return;
    const auto& service = *subject.service_before;
    std::uint64_t connections = 0;
    for (const auto& server : service.real_servers) {
        const auto endpoint = endpoint_of(service, server);
        if (server.active && before->leaves(endpoint))
            connections += before->connections_of(endpoint);
    }
    if (connections > 0)
        add_ends(change, connections, before->ends_connections(),
                 "of real servers that no other one of its mark has, ");
}

void add_sorry_server(Change& change, const model::VirtualServer& service,
                      const PlannedGroup& group) {
    if (!service.sorry_server) return;
    const auto endpoint = sorry_endpoint(service, *service.sorry_server);
    const auto connections = group.connections_of(endpoint);
    if (connections > 0 && group.leaves(endpoint))
        add_ends(change, connections, group.ends_connections(), "of the sorry server, ");
}

/// Before its weight, since no weight counts while it is so.
void add_unusable(Change& change, const Subject& subject, const PlannedGroup& group) {
    if (!subject.server_after) return;
    const auto endpoint = endpoint_of(*subject.service_after, *subject.server_after);
    if (group.running().unusable.contains(endpoint))
        append(change.effect, "it is down or out of service now");
}

bool is_weightless(const Difference& difference) {
    const auto& [service_before, service_after, server_before, server_after] = difference.subject;
    return difference.path.back().key == "weight" && server_before && server_after &&
           service_before->scheduler == service_after->scheduler &&
           ignores_weights(service_after->scheduler) && server_before->weight > 0 &&
           server_after->weight > 0;
}

bool concerns_place_of_checks(const Difference& difference) {
    const auto& path = difference.path;
    if (path.size() < 3 || path[path.size() - 2].key != "monitor") return false;
    const auto key = path.back().key;
    return key == "address" || key == "port" || key == "protocol";
}

}  // namespace

PlanEffects::PlanEffects(const model::Configuration& present, const model::Configuration& candidate,
                         const Running& running, const PlannedPools& pools)
    : candidate_(candidate),
      running_(running),
      pools_(pools),
      table_size_before_(present.global.table_size),
      addresses_before_(addresses_of(present)),
      addresses_after_(addresses_of(candidate)) {}

PlanEffects::Addresses PlanEffects::addresses_of(const model::Configuration& configuration) {
    Addresses addresses;
    if (const auto& router = configuration.global.nat_router)
        addresses.emplace(router->address, router->device.label);
    for (const auto& service : configuration.virtual_servers) {
        if (service.active) addresses.emplace(service.address, service.device.label);
    }
    return addresses;
}

void PlanEffects::add_to(Change& change, const Difference& difference) const {
    const auto& subject = difference.subject;
    if (subject.server_before || subject.server_after) {
        real_server(change, difference);
    } else if (subject.service_before || subject.service_after) {
        virtual_server(change, difference);
    } else if (difference.path.back().key == "table_size") {
        change.effect = table_size_words();
    } else if (difference.kind == DifferenceKind::reordered) {
        change.effect = difference.path.back().key == "mark"
                            ? "where nothing else is said, the first port of a mark is the one "
                              "that is checked"
                            : "nothing changes for clients";
    }
    if (change.effect.empty()) {
        change.effect = schema_words(difference);
        change.severity = schema_severity(difference);
    }
}

void PlanEffects::real_server(Change& change, const Difference& difference) const {
    const auto& subject = difference.subject;
    const auto* before = pools_.find(subject.service_before);
    const auto* after = pools_.find(subject.service_after);
    const bool was_active = before && subject.server_before && subject.server_before->active;
    const bool is_active = after && subject.server_after && subject.server_after->active;
    if ((!was_active && !is_active) || !after) {
        change.effect = inactive_words;
        return;
    }
    if (before != after) {
        change.effect = successor_words;
        return;
    }
    if (concerns_place_of_checks(difference)) {
        change.effect =
            schema_words(difference) + "; it counts as before until a check there fails";
        return;
    }
    if (!concerns_shares(difference)) return;
    add_departure(change, subject, *after);
    if (is_active) add_unusable(change, subject, *after);
    if (!was_active && is_active)
        append(change.effect, "it joins the pool as soon as its checks say that it is up");
    if (is_weightless(difference))
        append(change.effect, fmt::format("{} does not look at weights",
                                          model::name_of(after->after()->scheduler)));
    add_shares(change, *after);
}

void PlanEffects::virtual_server(Change& change, const Difference& difference) const {
    const auto& subject = difference.subject;
    const auto* before = pools_.find(subject.service_before);
    const auto* after = pools_.find(subject.service_after);
    if (!before && !after) {
        change.effect = inactive_words;
        return;
    }
    if (difference.kind == DifferenceKind::reordered) {
        change.effect = "nothing now: the pool keeps the order in which its real servers came";
        return;
    }
    const bool is_table = difference.path.size() == 1;
    const auto key = is_table ? std::string_view() : difference.path[1].key;
    const bool decides = is_table || decides_on_service(key);
    if (!decides && before != after) {
        change.effect = after ? successor_words : inactive_words;
        return;
    }
    if (decides) add_departures(change, subject, before, after);
    if (key == "sorry_server" && before && before->stays())
        add_sorry_server(change, *subject.service_before, *before);
    if (is_table || key == "address" || key == "active")
        append(change.effect, address_words(subject));
    if (is_table && after && !after->stays()) {
        append(change.effect,
               "it serves as soon as the checks of its real servers say that they "
               "are up");
        change.severity = std::max(change.severity, Severity::new_connections);
    }
    if (concerns_place_of_checks(difference)) {
        change.effect =
            schema_words(difference) + "; real servers count as before until a check there fails";
        return;
    }
    const auto* pool = after ? after : before;
    if (concerns_shares(difference) && pool->stays()) add_shares(change, *pool);
}

std::string PlanEffects::address_words(const Subject& subject) const {
    std::string words;
    if (const auto* service = subject.service_before; service && service->active) {
        if (!addresses_after_.contains({service->address, service->device.label}))
            append(words, fmt::format("{} is taken off {}", service->address.to_string(),
                                      service->device.label));
    }
    if (const auto* service = subject.service_after; service && service->active) {
        if (!addresses_before_.contains({service->address, service->device.label}))
            append(words, fmt::format("{} is added to {} and announced",
                                      service->address.to_string(), service->device.label));
    }
    return words;
}

std::string PlanEffects::table_size_words() const {
    const auto megabytes = [](std::uint32_t cells) {
        return (model::table_bytes(cells) + (1 << 20) - 1) >> 20;
    };
    const auto size = candidate_.global.table_size;
    if (running_.cells_used > size)
        return fmt::format("refused: {} cells are in use now, and the former table stays",
                           running_.cells_used);
    return fmt::format(
        "connections move to the new table and stay; until they have, its {} MB "
        "stand beside the {} MB of the former",
        megabytes(size), megabytes(table_size_before_));
}

}  // namespace shoal::config
