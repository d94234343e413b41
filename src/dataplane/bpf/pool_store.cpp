#include "dataplane/bpf/pool_store.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>

namespace shoal::dataplane {

namespace {

constexpr std::uint32_t only_key = 0;

std::string pin_name(std::uint32_t service) {
    return fmt::format("{}/{}", PoolStore::directory, service);
}

/// Where a pool is pinned before it is swapped in: after a kill between the two, the number of the
/// map in `pools` tells which pin is the current one.
std::string next_pin_name(std::uint32_t service) {
    return pin_name(service) + "_next";
}

std::uint32_t map_id(int fd) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.id : 0;
}

Result<Descriptor> make_inner_map(const shoal_pool& pool) {
    Descriptor map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "shoal_pool", sizeof only_key,
                                  sizeof(shoal_pool), 1, nullptr));
    if (!map || bpf_map_update_elem(map.get(), &only_key, &pool, BPF_ANY) != 0) {
        return fail(system_error("making a pool", errno));
    }
    return map;
}

}  // namespace

Result<Descriptor> PoolStore::find_pin(std::uint32_t service, std::uint32_t id) const {
    for (const std::string& name : {pin_name(service), next_pin_name(service)}) {
        auto map = pins_->get(name);
        if (!map) return map;
        if (!*map || map_id(map->get()) != id) continue;
        if (name == next_pin_name(service)) {
            if (auto moved = pins_->rename(name, pin_name(service)); !moved) {
                return fail(moved.error());
            }
        }
        return map;
    }
    return fail(fmt::format("the pool of virtual server {} is not pinned", service));
}

Result<std::optional<shoal_pool>> PoolStore::get(std::uint32_t service) {
    std::uint32_t id = 0;
    if (bpf_map_lookup_elem(pools_, &service, &id) != 0) {
        if (errno == ENOENT) return std::nullopt;
        return fail(system_error("reading pools", errno));
    }
    auto& map = open_[service];
    if (!map || map_id(map.get()) != id) {
        auto found = find_pin(service, id);
        if (!found) return fail(found.error());
        map = std::move(*found);
    }
    shoal_pool pool{};
    if (bpf_map_lookup_elem(map.get(), &only_key, &pool) != 0) {
        return fail(system_error("reading a pool", errno));
    }
    return pool;
}

Result<void> PoolStore::put(std::uint32_t service, const shoal_pool& pool) {
    auto map = make_inner_map(pool);
    if (!map) return fail(map.error());
    if (auto gone = pins_->unpin(next_pin_name(service)); !gone) return gone;
    if (auto done = pins_->pin(next_pin_name(service), map->get()); !done) return done;
    const int fd = map->get();
    if (bpf_map_update_elem(pools_, &service, &fd, BPF_ANY) != 0) {
        return fail(system_error("swapping a pool", errno));
    }
    open_[service] = std::move(*map);
    // The pool is current now; where only the pin kept its old name, find_pin() puts it right.
    static_cast<void>(pins_->rename(next_pin_name(service), pin_name(service)));
    return {};
}

Result<void> PoolStore::remove(std::uint32_t service) {
    open_.erase(service);
    if (bpf_map_delete_elem(pools_, &service) != 0 && errno != ENOENT) {
        return fail(system_error("removing a pool", errno));
    }
    if (auto gone = pins_->unpin(next_pin_name(service)); !gone) return gone;
    return pins_->unpin(pin_name(service));
}

}  // namespace shoal::dataplane
