#include "dataplane/bpf/pool_store.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/bpf/mapped_array.h"

namespace shoal::dataplane {

namespace {

std::string pin_name(std::uint32_t service) {
    return fmt::format("{}/{}", PoolStore::directory, service);
}

/// Where a pool is pinned before it is swapped in: after a kill between the two, the number of the
/// map in `pools` tells which pin is the current one.
std::string next_pin_name(std::uint32_t service) {
    return pin_name(service) + "_next";
}

/// All zero where the kernel does not know the map.
bpf_map_info map_info(int fd) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info : bpf_map_info{};
}

/// As `pools` expects its inner maps, see bpf/maps.h.
Result<Descriptor> make_inner_map(std::span<const shoal_pool_node> nodes) {
    const auto count = static_cast<std::uint32_t>(nodes.size());
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE;
    Descriptor map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "shoal_pool", sizeof(std::uint32_t),
                                  sizeof(shoal_pool_node), count, &options));
    if (!map) return fail(system_error("making a pool", errno));
    const auto memory = MappedArray<shoal_pool_node>::map(map.get(), count);
    if (!memory) return fail(memory.error());
    std::ranges::copy(nodes, &(*memory)[0]);
    return map;
}

}  // namespace

Result<Descriptor> PoolStore::find_pin(std::uint32_t service, std::uint32_t id) const {
    for (const std::string& name : {pin_name(service), next_pin_name(service)}) {
        auto map = pins_->get(name);
        if (!map) return map;
        if (!*map || map_info(map->get()).id != id) continue;
        if (name == next_pin_name(service)) {
            if (auto moved = pins_->rename(name, pin_name(service)); !moved) {
                return fail(moved.error());
            }
        }
        return map;
    }
    return fail(fmt::format("the pool of virtual server {} is not pinned", service));
}

Result<std::optional<Pool>> PoolStore::get(std::uint32_t service) {
    std::uint32_t id = 0;
    if (bpf_map_lookup_elem(pools_, &service, &id) != 0) {
        if (errno == ENOENT) return std::nullopt;
        return fail(system_error("reading pools", errno));
    }
    if (const auto known = known_.find(service); known != known_.end() && known->second.id == id)
        return known->second.pool;
    const auto map = find_pin(service, id);
    if (!map) return fail(map.error());
    const std::uint32_t count = map_info(map->get()).max_entries;
    const auto memory = MappedArray<shoal_pool_node>::map(map->get(), count);
    if (!memory) return fail(memory.error());
    auto pool = read_pool(std::span(&(*memory)[0], count));
    known_[service] = {id, pool};
    return pool;
}

Result<void> PoolStore::stage(std::uint32_t service, std::span<const shoal_pool_node> nodes) {
    auto map = make_inner_map(nodes);
    if (!map) return fail(map.error());
    if (auto gone = pins_->unpin(next_pin_name(service)); !gone) return gone;
    if (auto done = pins_->pin(next_pin_name(service), map->get()); !done) return done;
    staged_[service] = std::move(*map);
    return {};
}

/// A batch stops at the first entry that is refused.
std::map<std::uint32_t, Error> PoolStore::update(std::span<const std::uint32_t> services,
                                                 std::span<const int> maps) const {
    std::map<std::uint32_t, Error> refused;
    for (std::size_t first = 0; first < services.size();) {
        auto count = static_cast<__u32>(services.size() - first);
        if (bpf_map_update_batch(pools_, &services[first], &maps[first], &count, nullptr) == 0) {
            break;
        }
        first += std::min<std::size_t>(count, services.size() - first - 1);
        if (bpf_map_update_elem(pools_, &services[first], &maps[first], BPF_ANY) != 0) {
            refused.emplace(services[first], system_error("swapping a pool", errno));
        }
        ++first;
    }
    return refused;
}

std::map<std::uint32_t, Error> PoolStore::swap_staged() {
    std::vector<std::uint32_t> services;
    std::vector<int> maps;
    for (const auto& [service, map] : staged_) {
        services.push_back(service);
        maps.push_back(map.get());
    }
    auto refused = update(services, maps);
    for (const auto service : services) {
        if (refused.contains(service)) continue;
        // The pool is current now; where only the pin kept its old name, find_pin() puts it right.
        static_cast<void>(pins_->rename(next_pin_name(service), pin_name(service)));
    }
    staged_.clear();
    return refused;
}

Result<void> PoolStore::unpin(std::uint32_t service) const {
    if (auto gone = pins_->unpin(next_pin_name(service)); !gone) return gone;
    return pins_->unpin(pin_name(service));
}

/// Deleting from the outer map would make the kernel wait for each: an empty pool takes the place.
Result<void> PoolStore::remove(std::span<const std::uint32_t> services) {
    std::vector<std::uint32_t> present;
    for (const std::uint32_t service : services) {
        std::uint32_t id = 0;
        if (bpf_map_lookup_elem(pools_, &service, &id) == 0) present.push_back(service);
    }
    if (present.empty()) return {};
    const auto empty = make_inner_map(build_nodes({}, {}));
    if (!empty) return fail(empty.error());
    const std::vector<int> maps(present.size(), empty->get());
    const auto refused = update(present, maps);
    for (const std::uint32_t service : present) {
        if (refused.contains(service)) continue;
        known_.erase(service);
        if (auto gone = unpin(service); !gone) return gone;
    }
    if (refused.empty()) return {};
    return fail(refused.begin()->second);
}

Result<void> PoolStore::remove_unless(const std::vector<bool>& exists) {
    std::vector<std::uint32_t> leftovers;
    for (std::uint32_t service = 0; service < exists.size(); ++service) {
        if (exists[service]) continue;
        for (const std::string& name : {pin_name(service), next_pin_name(service)}) {
            const auto pin = pins_->get(name);
            if (!pin) return fail(pin.error());
            if (*pin) leftovers.push_back(service);
        }
    }
    if (auto done = remove(leftovers); !done) return done;
    for (const std::uint32_t service : leftovers) {
        if (auto gone = unpin(service); !gone) return gone;
    }
    return {};
}

}  // namespace shoal::dataplane
