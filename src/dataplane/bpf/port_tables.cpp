#include "dataplane/bpf/port_tables.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "abi.h"
#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/map_entries.h"

namespace shoal::dataplane {

namespace {

/// Bits of shoal_port_key before the port.
constexpr __u32 bits_before_port = 144;

shoal_port_key prefix_key(const Endpoint& endpoint, const PortPrefix& prefix) {
    const shoal_service_key exact =
        to_key({endpoint.protocol, endpoint.address, model::PortRange(prefix.port)});
    shoal_port_key key{};
    key.length = bits_before_port + prefix.length;
    std::ranges::copy(exact.address, &key.address[0]);
    key.protocol = exact.protocol;
    key.family = exact.family;
    key.port = exact.port;
    return key;
}

Endpoint endpoint_of(__u8 protocol, __u8 family, const __be32 (&address)[4]) {
    return {protocol == IPPROTO_UDP ? model::Protocol::udp : model::Protocol::tcp,
            address_of(address, family)};
}

Result<void> set(int map, const void* key, const std::optional<std::uint32_t>& value) {
    const int error =
        value ? bpf_map_update_elem(map, key, &*value, BPF_ANY) : bpf_map_delete_elem(map, key);
    if (error == 0 || (!value && errno == ENOENT)) return {};
    // What the kernel calls "Argument list too long" or "No space left on device".
    if (errno == E2BIG || errno == ENOSPC) return fail("the table of virtual ports is full");
    return fail(system_error("changing the table of virtual ports", errno));
}

template <class Map>
std::optional<typename Map::mapped_type> find_in(const Map& map,
                                                 const typename Map::key_type& key) {
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return found->second;
}

template <class Map>
void put_in(Map& map, const typename Map::key_type& key,
            const std::optional<std::uint32_t>& value) {
    if (value) {
        map[key] = *value;
    } else {
        map.erase(key);
    }
}

}  // namespace

Result<void> PortTables::load() {
    held_.clear();
    auto done = for_each_entry<shoal_service_key, std::uint32_t>(
        services_, [&](const shoal_service_key& key, std::uint32_t service) {
            held_[endpoint_of(key.protocol, key.family, key.address)].exact[ntohs(key.port)] =
                service;
        });
    if (!done) return done;
    return for_each_entry<shoal_port_key, std::uint32_t>(
        prefixes_, [&](const shoal_port_key& key, std::uint32_t service) {
            const PortPrefix prefix{ntohs(key.port),
                                    static_cast<std::uint8_t>(key.length - bits_before_port)};
            held_[endpoint_of(key.protocol, key.family, key.address)].prefixes[prefix] = service;
        });
}

std::optional<std::uint32_t> PortTables::find(const Change& entry) const {
    const auto place = held_.find(entry.endpoint);
    if (place == held_.end()) return std::nullopt;
    return entry.exact ? find_in(place->second.exact, entry.prefix.port)
                       : find_in(place->second.prefixes, entry.prefix);
}

Result<void> PortTables::write(const Change& change) {
    if (change.exact) {
        const auto key = to_key({change.endpoint.protocol, change.endpoint.address,
                                 model::PortRange(change.prefix.port)});
        if (auto done = set(services_, &key, change.service); !done) return done;
    } else {
        const auto key = prefix_key(change.endpoint, change.prefix);
        if (auto done = set(prefixes_, &key, change.service); !done) return done;
    }
    PortAssignment& held = held_[change.endpoint];
    if (change.exact) {
        put_in(held.exact, change.prefix.port, change.service);
    } else {
        put_in(held.prefixes, change.prefix, change.service);
    }
    if (held.exact.empty() && held.prefixes.empty()) held_.erase(change.endpoint);
    return {};
}

/// Exact entries shadow prefixes, so they come first and go last.
std::vector<PortTables::Change> PortTables::difference(const Assignments& wanted) const {
    std::vector<Change> written_exact;
    std::vector<Change> written_prefixes;
    std::vector<Change> deleted_prefixes;
    std::vector<Change> deleted_exact;
    for (const auto& [endpoint, assignment] : wanted) {
        const auto place = held_.find(endpoint);
        const PortAssignment held = place == held_.end() ? PortAssignment{} : place->second;
        for (const auto& [port, service] : assignment.exact) {
            if (find_in(held.exact, port) == service) continue;
            written_exact.push_back({endpoint, true, {port}, service});
        }
        for (const auto& [prefix, service] : assignment.prefixes) {
            if (find_in(held.prefixes, prefix) == service) continue;
            written_prefixes.push_back({endpoint, false, prefix, service});
        }
        for (const auto& [prefix, service] : held.prefixes) {
            if (assignment.prefixes.contains(prefix)) continue;
            deleted_prefixes.push_back({endpoint, false, prefix, std::nullopt});
        }
        for (const auto& [port, service] : held.exact) {
            if (assignment.exact.contains(port)) continue;
            deleted_exact.push_back({endpoint, true, {port}, std::nullopt});
        }
    }
    std::vector<Change> changes = std::move(written_exact);
    for (const auto* more : {&written_prefixes, &deleted_prefixes, &deleted_exact})
        changes.insert(changes.end(), more->begin(), more->end());
    return changes;
}

Result<void> PortTables::put(const Assignments& wanted) {
    std::vector<Change> undo;
    for (const Change& change : difference(wanted)) {
        Change former = change;
        former.service = find(change);
        auto done = write(change);
        if (!done) {
            // Reported is what failed first.
            for (const Change& step : std::views::reverse(undo))
                static_cast<void>(write(step));
            return done;
        }
        undo.push_back(former);
    }
    return {};
}

}  // namespace shoal::dataplane
