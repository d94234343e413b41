#include "dataplane/bpf/successor.h"

#include <bpf/bpf.h>

#include <filesystem>

#include "dataplane/bpf/installation.h"

namespace shoal::dataplane {

namespace {

std::string below(const char* directory, const std::string& name) {
    return std::string(directory) + "/" + name;
}

bool exists(const PinDirectory& pins, const char* directory) {
    std::error_code ignored;
    return std::filesystem::exists(pins.path() / directory, ignored);
}

/// What the former table's have not is left as it is.
void copy_settings(const NumberRecord& from, shoal_settings& to) {
    for (std::size_t state = 0; state < SHOAL_STATES; ++state) {
        if (const auto ticks = from.get("timeout", state); ticks != 0) to.timeout[state] = ticks;
    }
    to.secure_tcp = from.get("secure_tcp");
    to.route_generation = from.get("route_generation");
}

std::uint32_t id_of(int map) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(map, &info, &length) == 0 ? info.id : 0;
}

bool is_in(const Objects& maps, const std::string& name, int map) {
    const auto found = maps.find(name);
    return found != maps.end() && id_of(found->second.get()) == id_of(map);
}

/// All that `present` has not.
Result<void> pin_table(const PinDirectory& pins, const Tables& table, const Objects& present) {
    for (const auto& [name, map] : table.maps) {
        if (name == commit_marker || is_in(present, name, map.get())) continue;
        if (auto done = pins.pin(name, map.get()); !done) return done;
    }
    return pins.pin(commit_marker, table.fd(commit_marker));
}

}  // namespace

Result<void> make_successor(const PinDirectory& pins, const Objects& present,
                            const NumberRecord& settings, TableSizes sizes) {
    if (auto gone = drop_successor(pins); !gone) return gone;
    const bool same_version = settings.get("abi_version") == SHOAL_ABI_VERSION;
    auto maps =
        make_table(present, same_version ? Origin::same_version : Origin::other_version, sizes);
    if (!maps) return fail(maps.error());
    auto table = Tables::map(std::move(*maps));
    if (!table) return fail(table.error());
    if (auto done = fill_fresh_tables(*table, sizes); !done) return done;
    copy_settings(settings, table->settings[0]);
    const auto directory = PinDirectory::open(pins.path() / successor_directory);
    if (!directory) return fail(directory.error());
    return pin_table(*directory, *table, present);
}

Result<std::optional<PinDirectory>> find_successor(const PinDirectory& pins) {
    if (!exists(pins, successor_directory)) return std::nullopt;
    auto directory = PinDirectory::open(pins.path() / successor_directory);
    if (!directory) return fail(directory.error());
    const auto marker = directory->get(commit_marker);
    if (!marker) return fail(marker.error());
    if (*marker) return std::move(*directory);
    if (auto gone = drop_successor(pins); !gone) return fail(gone.error());
    return std::nullopt;
}

Result<void> drop_successor(const PinDirectory& pins) {
    if (auto gone = pins.unpin(below(successor_directory, commit_marker)); !gone) return gone;
    return pins.remove_tree(successor_directory);
}

Result<void> promote_successor(const PinDirectory& pins) {
    if (exists(pins, successor_directory)) {
        if (auto done = pins.rename(successor_directory, promoted_directory); !done) return done;
    }
    return finish_promotion(pins);
}

Result<void> finish_promotion(const PinDirectory& pins) {
    if (!exists(pins, promoted_directory)) return {};
    const auto directory = PinDirectory::open(pins.path() / promoted_directory);
    if (!directory) return fail(directory.error());
    for (const std::string& name : directory->names()) {
        if (auto done = pins.rename(below(promoted_directory, name), name); !done) return done;
    }
    return pins.remove_tree(promoted_directory);
}

}  // namespace shoal::dataplane
